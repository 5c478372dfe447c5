package span

// slot is what an attribute is about, whatever its key. A span has one value for
// each slot: of several keys the one that its dialect ranks first.
type slot uint8

const (
	noSlot slot = iota

	// GenAI.
	operation
	provider
	requestModel
	responseModel
	finishReasons
	inputTokens
	outputTokens
	cacheReadTokens
	cacheWriteTokens
	reasoningTokens
	totalTokens
	cost
	requestType

	// Agents and workflows.
	agentName
	agentID
	agentNode
	workflowName
	workflowID
	workflowType
	workflowNested
	conversation
	priority
	complexity

	// Tools.
	toolName
	toolCallID
	toolArguments
	toolArgumentsHash
	toolStatus
	taskStatus

	// MCP and A2A.
	mcpMethod
	mcpServer
	mcpSession
	mcpErrorCode
	rpcSystem
	rpcMethod
	a2aMethod
	a2aTask
	a2aState

	// HTTP and the network.
	errorType
	httpMethod
	httpRoute
	httpStatus
	peerService
	peerAddress
	peerPort

	// Databases and caches.
	dbSystem
	dbOperation
	dbTable
	dbSummary
	dbText
	dbNamespace
	dbRows
	cacheHit
	cacheResult
	cacheOperation
	cacheSystem

	// What only one dialect has: mostly its word for the type of the span.
	traceloopKind
	traceloopEntity
	traceloopOutput
	openinferenceKind
	openinferenceMetadata
	vercelOperation
	genkitType
	genkitSubtype
	genkitName
	genkitOutput
	genkitState
	mastraType
	langsmithKind
	strandsCycle

	slotCount
)

// slots is a set of them.
type slots [2]uint64

// slotSet makes a set.
func slotSet(members ...slot) (set slots) {
	for _, m := range members {
		set.add(m)
	}
	return set
}

func (set *slots) add(s slot) { set[s>>6] |= 1 << (s & 63) }

func (set *slots) has(s slot) bool { return set[s>>6]&(1<<(s&63)) != 0 }

// meets reports whether the sets have a member in common.
func (set *slots) meets(other *slots) bool {
	return set[0]&other[0] != 0 || set[1]&other[1] != 0
}

func (set *slots) empty() bool { return set[0]|set[1] == 0 }
