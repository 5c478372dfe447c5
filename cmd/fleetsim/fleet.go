package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2aclient"
	"github.com/a2aproject/a2a-go/v2/a2asrv"

	"github.com/watchkeeper/watchkeeper/sdk"
	a2atrace "github.com/watchkeeper/watchkeeper/sdk/a2a"
)

// backlog is how many workflows may wait for a worker.
const backlog = 100

// fleet is everything that runs.
type fleet struct {
	options options
	truth   *truth
	faults  *faults
	stores  *stores

	planner, researcher, writer, toolbox *service
	modelURL, researcherURL              string
	writerClient                         *a2aclient.Client
	pools                                map[string]*pool
	// foreignTools are those of the MCP server that --mcp names.
	foreignTools []string

	control *server
	servers []*server
	queues  map[[2]string]*sdk.Queue
}

func newFleet(ctx context.Context, o options, t *truth) (_ *fleet, err error) {
	f := &fleet{options: o, truth: t, pools: make(map[string]*pool), queues: make(map[[2]string]*sdk.Queue)}
	defer func() {
		if err != nil {
			closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.grace)
			defer cancel()
			err = errors.Join(err, f.close(closing))
		}
	}()
	if f.faults, err = newFaults(o.faults); err != nil {
		return nil, err
	}
	if f.control, err = f.serve(o.control, f.faults); err != nil {
		return nil, fmt.Errorf("--control %q: %w", o.control, err)
	}
	for name, s := range map[string]**service{
		"planner": &f.planner, "researcher": &f.researcher, "writer": &f.writer, "toolbox": &f.toolbox,
	} {
		if *s, err = newService(ctx, name, o, t); err != nil {
			return nil, err
		}
	}
	if f.stores, err = openStores(ctx, o, f.researcher, t); err != nil {
		return nil, err
	}
	if err := f.serveAgents(ctx); err != nil {
		return nil, err
	}
	if err := f.connectTools(ctx); err != nil {
		return nil, err
	}
	for _, kind := range kinds {
		for _, priority := range priorities {
			if f.queues[[2]string{kind, priority}], err = f.planner.kit.NewQueue(kind, priority); err != nil {
				return nil, err
			}
		}
	}
	return f, nil
}

// serveAgents starts the servers of models and agents.
func (f *fleet) serveAgents(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.Handle("POST /v1/chat/completions", completions(f.options))
	model, err := f.serve("127.0.0.1:0", mux)
	if err != nil {
		return err
	}
	f.modelURL = "http://" + model.address

	mux = http.NewServeMux()
	mux.HandleFunc("POST /research/{topic}", f.research)
	handler, err := f.researcher.handler(mux, f.truth)
	if err != nil {
		return err
	}
	researcher, err := f.serve("127.0.0.1:0", handler)
	if err != nil {
		return err
	}
	f.researcherURL = "http://" + researcher.address

	writer, err := f.serve("127.0.0.1:0", a2asrv.NewJSONRPCHandler(a2asrv.NewHandler(writing{f},
		a2asrv.WithLogger(quiet()), a2asrv.WithCallInterceptors(a2atrace.Server(a2atrace.WithTracerProvider(f.writer.tracers))))))
	if err != nil {
		return err
	}
	f.writerClient, err = a2aclient.NewFromCard(ctx, &a2a.AgentCard{
		Name: f.writer.name, Version: "1.0.0",
		SupportedInterfaces: []*a2a.AgentInterface{a2a.NewAgentInterface("http://"+writer.address, a2a.TransportProtocolJSONRPC)},
	}, a2aclient.WithJSONRPCTransport(&http.Client{Transport: f.planner.base}),
		a2aclient.WithCallInterceptors(a2atrace.Client(a2atrace.WithTracerProvider(f.planner.tracers))))
	return err
}

// connectTools opens the ways to the MCP server, which it starts if it is ours.
func (f *fleet) connectTools(ctx context.Context) error {
	name, endpoint := f.toolbox.name, f.options.mcp
	if endpoint == "" {
		mux := http.NewServeMux()
		mux.Handle("/mcp", f.toolServer(f.toolbox))
		tools, err := f.serve("127.0.0.1:0", mux)
		if err != nil {
			return err
		}
		endpoint = "http://" + tools.address + "/mcp"
	} else {
		name = "external"
	}
	for _, s := range []*service{f.planner, f.researcher} {
		p, err := newPool(s, name, endpoint)
		if err != nil {
			return err
		}
		f.pools[s.name] = p
	}
	if f.options.mcp == "" {
		return nil
	}
	session, err := f.pools[f.planner.name].take(ctx)
	if err != nil {
		return err
	}
	tools, err := session.ListTools(ctx, nil)
	f.pools[f.planner.name].give(session, err)
	if err != nil {
		return fmt.Errorf("listing the tools of %q: %w", endpoint, err)
	}
	for _, tool := range tools.Tools {
		f.foreignTools = append(f.foreignTools, tool.Name)
	}
	return nil
}

// work begins workflows until their number is reached, the time is over or the
// context ends, and waits for them; those that are not done within the grace period
// are canceled.
func (f *fleet) work(ctx context.Context) {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	jobs := make(chan job, backlog)
	var workers sync.WaitGroup
	for range f.options.workers {
		workers.Go(func() {
			for j := range jobs {
				f.queues[[2]string{j.Kind, j.Priority}].Add(running, -1)
				f.runJob(running, j)
			}
		})
	}
	f.enqueue(ctx, jobs)
	close(jobs)
	done := make(chan struct{})
	go func() {
		workers.Wait()
		close(done)
	}()
	if ctx.Err() == nil {
		select {
		case <-done:
			return
		case <-ctx.Done():
		}
	}
	select {
	case <-done:
	case <-time.After(f.options.grace):
		cancel()
		<-done
	}
}

func (f *fleet) enqueue(ctx context.Context, jobs chan<- job) {
	if f.options.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.options.duration)
		defer cancel()
	}
	for number := 0; f.options.workflows == 0 || number < f.options.workflows; number++ {
		j := newJob(f.options.seed, number, f.options.failures)
		queue := f.queues[[2]string{j.Kind, j.Priority}]
		queue.Add(ctx, 1)
		select {
		case jobs <- j:
		case <-ctx.Done():
			queue.Add(context.WithoutCancel(ctx), -1)
			return
		}
		pause(ctx, f.options.gap())
		if ctx.Err() != nil {
			return
		}
	}
}

// close stops the servers, so that every request has its span, and sends what is
// left of the telemetry.
func (f *fleet) close(ctx context.Context) error {
	var errs []error
	for _, p := range f.pools {
		errs = append(errs, p.close())
	}
	// A connection that was opened and never used would hold a server up for seconds.
	for _, s := range []*service{f.planner, f.researcher, f.writer, f.toolbox} {
		if s != nil {
			s.base.CloseIdleConnections()
		}
	}
	for _, s := range f.servers {
		errs = append(errs, s.close(ctx))
	}
	if f.stores != nil {
		errs = append(errs, f.stores.close())
	}
	if f.faults != nil {
		f.faults.close()
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, s := range []*service{f.planner, f.researcher, f.writer, f.toolbox} {
		if s == nil {
			continue
		}
		group.Go(func() {
			err := s.close(ctx)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, fmt.Errorf("sending the telemetry of %s: %w", s.name, err))
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// server is an HTTP server on loopback.
type server struct {
	address string
	http    *http.Server
	ended   chan error
}

func (f *fleet) serve(address string, handler http.Handler) (*server, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, err
	}
	s := &server{
		address: listener.Addr().String(),
		http:    &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second},
		ended:   make(chan error, 1),
	}
	go func() { s.ended <- s.http.Serve(listener) }()
	f.servers = append(f.servers, s)
	return s, nil
}

func (s *server) close(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if served := <-s.ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
