package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// get asks a goapi whose neighbour is at vnextapi.
func get(t *testing.T, vnextapi, path string, headers map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequest(http.MethodGet, path, nil)
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	recorder := httptest.NewRecorder()
	handler("box", newNeighbour(vnextapi)).ServeHTTP(recorder, request)
	return recorder
}

func root(t *testing.T, vnextapi string) answer {
	t.Helper()
	recorder := get(t, vnextapi, "/", nil)
	if recorder.Code != http.StatusOK {
		t.Fatalf("GET / answered %d: %s", recorder.Code, recorder.Body)
	}
	var got answer
	if err := json.Unmarshal(recorder.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	return got
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func TestItSaysWhoItIs(t *testing.T) {
	got := root(t, "")
	if got.Service != "goapi" || got.Message != greeting || got.Host != "box" {
		t.Errorf("got %+v", got)
	}
}

func TestItPassesOnWhatVnextapiSaid(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("hob-generation", "7")
		fmt.Fprint(w, `{"message":"hi"}`)
	})
	got := root(t, url).Vnextapi
	if !got.Reachable || got.Generation != "7" || string(got.Said) != `{"message":"hi"}` {
		t.Errorf("got %+v, said %s", got, got.Said)
	}
}

func TestItSaysWhyVnextapiIsAway(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	cases := map[string]struct{ url, reason string }{
		"unset":    {"", "VNEXTAPI_URL is not set"},
		"refused":  {gone.URL, "connection refused"},
		"failing":  {serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) }), "503"},
		"not JSON": {serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>") }), "not JSON"},
		"bad url":  {"http://[", "missing ']'"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := root(t, c.url).Vnextapi
			if got.Reachable || !strings.Contains(got.Reason, c.reason) {
				t.Errorf("got %+v, expected the reason to name %q", got, c.reason)
			}
		})
	}
}

func TestItDoesNotWaitForASilentVnextapi(t *testing.T) {
	release := make(chan struct{})
	silent := serve(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	impatient := newNeighbour(silent)
	impatient.client.Timeout = 20 * time.Millisecond
	got := impatient.ask(context.Background())
	if got.Reachable || !strings.Contains(got.Reason, "Timeout") {
		t.Errorf("got %+v", got)
	}
}

func TestOnlyPagesOfThisMachineMayReadTheAnswer(t *testing.T) {
	cases := map[string]bool{
		"http://127.0.0.1:20000":       true,
		"http://localhost:20000":       true,
		"https://[::1]:20000":          true,
		"http://example.com":           false,
		"http://localhost.example.com": false,
		"http://127.0.0.1.example.com": false,
		"file://":                      false,
		"null":                         false,
		"":                             false,
	}
	for origin, allowed := range cases {
		t.Run(origin, func(t *testing.T) {
			header := get(t, "", "/healthz", map[string]string{"Origin": origin}).Header()
			if got := header.Get("Access-Control-Allow-Origin"); (got != "") != allowed || (allowed && got != origin) {
				t.Errorf("Access-Control-Allow-Origin: %q", got)
			}
			if got := header.Get("Access-Control-Expose-Headers"); (got == "hob-generation") != allowed {
				t.Errorf("Access-Control-Expose-Headers: %q", got)
			}
			if header.Get("Vary") != "Origin" {
				t.Error("a shared cache would mix up the origins")
			}
		})
	}
}

func TestHealthzAnswersWithoutVnextapi(t *testing.T) {
	if got := get(t, "", "/healthz", nil); got.Code != http.StatusOK {
		t.Errorf("answered %d", got.Code)
	}
}

func TestUnknownPathsAreNotFound(t *testing.T) {
	if got := get(t, "", "/nowhere", nil); got.Code != http.StatusNotFound {
		t.Errorf("answered %d", got.Code)
	}
}

func TestOtherMethodsAreRefused(t *testing.T) {
	recorder := httptest.NewRecorder()
	handler("box", newNeighbour("")).ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/", nil))
	if recorder.Code != http.StatusMethodNotAllowed || recorder.Header().Get("Allow") == "" {
		t.Errorf("answered %d", recorder.Code)
	}
}
