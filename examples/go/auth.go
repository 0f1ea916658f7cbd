// Checks the access tokens of one API, with the standard library alone. `scoped("items:read", handler)` demands a
// scope; `claims` is what the token says.
package main

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"
)

const issuer = "http://127.0.0.1:8080"
const audience = "https://items.example"

var scopes = []string{"items:read", "items:write"}

const (
	skew   = 30 * time.Second  // between the issuer's clock and ours
	maxAge = 300 * time.Second // for which keys are kept
	pause  = 5 * time.Second   // between two fetches, whatever tokens name
)

type claims struct {
	Issuer    string `json:"iss"`
	Audience  string `json:"aud"`
	Subject   string `json:"sub"`
	ClientID  string `json:"client_id"`
	ID        string `json:"jti"`
	Scope     string `json:"scope"`
	Expires   int64  `json:"exp"`
	IssuedAt  int64  `json:"iat"`
	NotBefore int64  `json:"nbf"`
}

var (
	errToken  = errors.New("the token is not good")
	errOutage = errors.New("the issuer's keys cannot be had")
)

func scoped(scope string, next func(http.ResponseWriter, *http.Request, claims)) http.HandlerFunc {
	if !holds(scopes, scope) {
		panic("a scope that the API does not have: " + scope)
	}
	return func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") || token == "" {
			refuse(w, http.StatusUnauthorized, "", scope)
			return
		}
		claims, err := check(token, time.Now())
		switch {
		case errors.Is(err, errOutage):
			w.Header().Set("Retry-After", "5")
			w.WriteHeader(http.StatusServiceUnavailable)
		case err != nil:
			refuse(w, http.StatusUnauthorized, "invalid_token", scope)
		case !holds(strings.Split(claims.Scope, " "), scope):
			refuse(w, http.StatusForbidden, "insufficient_scope", scope)
		default:
			next(w, r, claims)
		}
	}
}

// RFC 6750 §3: who brought no token is told no error.
func refuse(w http.ResponseWriter, status int, code, scope string) {
	challenge := fmt.Sprintf("Bearer scope=%q", scope)
	if code != "" {
		challenge = fmt.Sprintf("Bearer error=%q, scope=%q", code, scope)
	}
	w.Header().Set("WWW-Authenticate", challenge)
	w.WriteHeader(status)
}

// RFC 9068 §4.
func check(token string, now time.Time) (claims, error) {
	var said claims
	var header struct {
		Algorithm string          `json:"alg"`
		Type      string          `json:"typ"`
		KeyID     string          `json:"kid"`
		Critical  json.RawMessage `json:"crit"`
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 || read(parts[0], &header) != nil {
		return said, errToken
	}
	typ := strings.TrimPrefix(strings.ToLower(header.Type), "application/")
	if header.Algorithm != "RS256" || typ != "at+jwt" || header.Critical != nil {
		return said, errToken
	}
	key, err := keys.find(header.KeyID)
	if err != nil {
		return said, err
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil || rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) != nil {
		return said, errToken
	}
	if read(parts[1], &said) != nil || said.Issuer != issuer || said.Audience != audience {
		return said, errToken
	}
	if said.Subject == "" || said.ClientID == "" || said.ID == "" || said.IssuedAt == 0 {
		return said, errToken
	}
	expired := !now.Add(-skew).Before(time.Unix(said.Expires, 0))
	early := now.Add(skew).Unix() < said.NotBefore || now.Add(skew).Unix() < said.IssuedAt
	if expired || early {
		return said, errToken
	}
	return said, nil
}

// The issuer's keys, by `kid`.
type keySet struct {
	sync.Mutex
	known          map[string]*rsa.PublicKey
	tried, fetched time.Time
}

var keys keySet

func (set *keySet) find(kid string) (*rsa.PublicKey, error) {
	set.Lock()
	defer set.Unlock()
	if set.known[kid] == nil || time.Since(set.fetched) > maxAge {
		set.fetch()
	}
	switch key := set.known[kid]; {
	case key != nil:
		return key, nil
	case set.known == nil:
		return nil, errOutage
	default:
		return nil, errToken
	}
}

// What cannot be had leaves the keys that are there.
func (set *keySet) fetch() {
	if time.Since(set.tried) < pause {
		return
	}
	set.tried = time.Now()
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get(issuer + "/.well-known/jwks.json")
	if err != nil {
		return
	}
	defer response.Body.Close()
	var document struct {
		Keys []struct{ Kty, Kid, N, E string }
	}
	if response.StatusCode != http.StatusOK || json.NewDecoder(response.Body).Decode(&document) != nil {
		return
	}
	known := map[string]*rsa.PublicKey{}
	for _, key := range document.Keys {
		n, nErr := base64.RawURLEncoding.DecodeString(key.N)
		e, eErr := base64.RawURLEncoding.DecodeString(key.E)
		if key.Kty == "RSA" && nErr == nil && eErr == nil {
			exponent := int(new(big.Int).SetBytes(e).Int64())
			known[key.Kid] = &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: exponent}
		}
	}
	set.known, set.fetched = known, time.Now()
}

func read(part string, into any) error {
	text, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

func holds(all []string, one string) bool {
	for _, each := range all {
		if each == one {
			return true
		}
	}
	return false
}
