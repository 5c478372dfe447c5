package agenthealth

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// The rules that several blocks share. Each returns an error that begins with
// the key.

func required(key, value string) error {
	if value == "" {
		return fmt.Errorf("%s: must be set", key)
	}
	return nil
}

func notNegative[T int | float64 | time.Duration](key string, value T) error {
	if !(value >= 0) {
		return fmt.Errorf("%s: must not be negative, got %v", key, value)
	}
	return nil
}

func positive(key string, value int) error {
	if value < 1 {
		return fmt.Errorf("%s: must be at least 1, got %d", key, value)
	}
	return nil
}

func ratio(key string, value float64) error {
	if !(value >= 0 && value <= 1) {
		return fmt.Errorf("%s: must be from 0 to 1, got %v", key, value)
	}
	return nil
}

func pattern(key, expression string) error {
	if _, err := compile(expression); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// compile returns nil for no expression.
func compile(expression string) (*regexp.Regexp, error) {
	if expression == "" {
		return nil, nil
	}
	return regexp.Compile(expression)
}

func absolute(key, path string) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("%s: must be an absolute path, got %q", key, path)
	}
	return nil
}

func validateHostPort(endpoint string) error {
	host, port, err := net.SplitHostPort(endpoint)
	if err != nil || host == "" {
		return fmt.Errorf("endpoint: must be host:port, got %q", endpoint)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("endpoint: the port must be a number from 1 to 65535, got %q", port)
	}
	return nil
}

// validateURL says nothing of a URL's text that could be a secret.
func validateURL(endpoint string) error {
	u, err := url.Parse(endpoint)
	switch {
	case endpoint == "":
		return errors.New("endpoint: must be set")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("endpoint: must be an absolute URL that begins with http:// or https://")
	case u.User != nil:
		return errors.New("endpoint: must not hold a user or password; use headers or auth")
	}
	return nil
}
