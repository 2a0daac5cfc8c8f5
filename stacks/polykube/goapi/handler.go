package main

import (
	"encoding/json"
	"log"
	"net"
	"net/http"
	"net/url"
)

// answer is what GET / says.
type answer struct {
	Service  string `json:"service"`
	Message  string `json:"message"`
	Host     string `json:"host"`
	Vnextapi reply  `json:"vnextapi"`
}

// handler routes all requests.
func handler(host string, vnextapi *neighbour) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			writeJSON(w, http.StatusNotFound, map[string]string{"error": "no such path"})
			return
		}
		writeJSON(w, http.StatusOK, answer{
			Service:  "goapi",
			Message:  greeting,
			Host:     host,
			Vnextapi: vnextapi.ask(r.Context()),
		})
	})
	return allowLoopback(mux)
}

// allowLoopback lets pages that were served by this machine read the answers
// and the generation that the dev front stamps on them. The static page is on
// another port, hence of another origin.
func allowLoopback(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Add("Vary", "Origin")
		if origin := r.Header.Get("Origin"); isLoopback(origin) {
			header.Set("Access-Control-Allow-Origin", origin)
			header.Set("Access-Control-Expose-Headers", "hob-generation")
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			header.Set("Allow", "GET, HEAD")
			writeJSON(w, http.StatusMethodNotAllowed, map[string]string{"error": "only GET and HEAD"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isLoopback tells whether an Origin header names this machine.
func isLoopback(origin string) bool {
	parsed, err := url.Parse(origin)
	if err != nil || (parsed.Scheme != "http" && parsed.Scheme != "https") {
		return false
	}
	host := parsed.Hostname()
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(value); err != nil {
		log.Printf("goapi: an answer was cut short: %v", err)
	}
}
