// Command goapi is polykube's small Go service: it says hello and what its
// neighbour vnextapi said.
//
// It reads three variables: HOST and PORT, where it listens (127.0.0.1:8080
// without them), and VNEXTAPI_URL, where vnextapi answers.
package main

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const greeting = "hello from goapi"

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatalf("goapi: %v", err)
	}
}

// run serves until ctx ends, then lets the requests it has finish.
func run(ctx context.Context) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(env("HOST", "127.0.0.1"), env("PORT", "8080")))
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           handler(host, newNeighbour(os.Getenv("VNEXTAPI_URL"))),
		ReadHeaderTimeout: 10 * time.Second,
	}
	log.Printf("goapi listens on http://%s", listener.Addr())

	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.Background(), 4*time.Second)
	defer cancel()
	if err := server.Shutdown(limit); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// env is the variable's value, or the fallback where it is unset or empty.
func env(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}
