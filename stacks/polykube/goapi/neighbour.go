package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// patience is how long goapi waits for vnextapi before it answers without it.
const patience = 1500 * time.Millisecond

// neighbour is another service that may be away.
type neighbour struct {
	url    string
	client *http.Client
}

// reply is what a neighbour said, or why nothing is known of it.
type reply struct {
	Reachable  bool            `json:"reachable"`
	Generation string          `json:"generation,omitempty"`
	Said       json.RawMessage `json:"said,omitempty"`
	Reason     string          `json:"reason,omitempty"`
}

func newNeighbour(address string) *neighbour {
	// Its own transport: a neighbour is never asked through a proxy.
	return &neighbour{url: address, client: &http.Client{Timeout: patience, Transport: &http.Transport{}}}
}

// ask never fails: a neighbour that is away is an answer as well.
func (n *neighbour) ask(ctx context.Context) reply {
	if n.url == "" {
		return reply{Reason: "VNEXTAPI_URL is not set"}
	}
	said, generation, err := n.get(ctx)
	if err != nil {
		return reply{Reason: err.Error()}
	}
	return reply{Reachable: true, Generation: generation, Said: said}
}

func (n *neighbour) get(ctx context.Context) (json.RawMessage, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url, nil)
	if err != nil {
		return nil, "", err
	}
	response, err := n.client.Do(request)
	if err != nil {
		// The reason alone: method and address go without saying.
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return nil, "", err
	}
	if response.StatusCode != http.StatusOK {
		return nil, "", fmt.Errorf("it answered %s", response.Status)
	}
	if !json.Valid(body) {
		return nil, "", errors.New("it answered something that is not JSON")
	}
	return body, response.Header.Get("hob-generation"), nil
}
