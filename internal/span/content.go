package span

import "strings"

// Content reports whether an attribute of this key, on a span or a log record,
// holds content: prompts, completions, instructions, definitions, arguments or
// results of tools, documents and what is embedded. Content may hold secrets and
// personal data, is large, and is dropped by default.
func Content(key string) bool {
	if _, ok := contentKeys[key]; ok {
		return true
	}
	// Nearly all keys end here: those with content below a prefix share few initials.
	if key == "" || !contentInitials[key[0]] || key == "gen_ai.prompt.name" {
		return false
	}
	for _, p := range contentPrefixes {
		if strings.HasPrefix(key, p) {
			return true
		}
	}
	return false
}

// EventContent reports whether an attribute of this key, on a span event or a log
// record of this event name, holds content as Content means it.
func EventContent(event, key string) bool {
	if Content(key) {
		return true
	}
	if !strings.HasPrefix(event, "gen_ai.") {
		return false
	}
	switch key {
	case "content", "message", "messages", "tool_calls", "body", "gen_ai.event.content", "arguments", "parts":
		return true
	}
	return strings.HasPrefix(key, "message.") || strings.HasPrefix(key, "tool_calls.") || strings.HasPrefix(key, "content.")
}
