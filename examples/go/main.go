// An API with two operations, protected by auth.go.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
)

func main() {
	readItems := scoped("items:read", func(w http.ResponseWriter, _ *http.Request, caller claims) {
		answer(w, map[string]any{"items": []string{"one", "two"}, "for": caller.Subject})
	})
	writeItem := scoped("items:write", func(w http.ResponseWriter, _ *http.Request, caller claims) {
		answer(w, map[string]any{"written_by": caller.Subject})
	})
	http.HandleFunc("/items", func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			readItems(w, r)
		case http.MethodPost:
			writeItem(w, r)
		default:
			w.Header().Set("Allow", "GET, HEAD, POST")
			w.WriteHeader(http.StatusMethodNotAllowed)
		}
	})
	port := os.Getenv("PORT")
	if port == "" {
		port = "8000"
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+port, nil))
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(value); err != nil {
		log.Print(err)
	}
}
