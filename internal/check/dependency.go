package check

import (
	"fmt"
	"slices"
	"strings"
)

// ValidateDependencies checks the names on which checks depend, given by the name
// of each check: every one must be the name of a check, and no check may depend
// on itself, directly or through others.
func ValidateDependencies(dependsOn map[string][]string) error {
	names := make([]string, 0, len(dependsOn))
	for name := range dependsOn {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, other := range dependsOn[name] {
			if _, ok := dependsOn[other]; !ok {
				return fmt.Errorf("check %q: depends on %q, and there is no check of this name", name, other)
			}
		}
	}
	// A name is done when nothing above it leads back to it.
	done := make(map[string]bool, len(names))
	var path []string
	var visit func(string) error
	visit = func(name string) error {
		if done[name] {
			return nil
		}
		if i := slices.Index(path, name); i >= 0 {
			return fmt.Errorf("check %q: depends on itself: %s", name, strings.Join(append(path[i:], name), " → "))
		}
		path = append(path, name)
		for _, other := range dependsOn[name] {
			if err := visit(other); err != nil {
				return err
			}
		}
		path = path[:len(path)-1]
		done[name] = true
		return nil
	}
	for _, name := range names {
		if err := visit(name); err != nil {
			return err
		}
	}
	return nil
}

// connect tells each runner what is above and below it, however many steps away.
// What is nearer comes first.
func connect(runners []*runner) {
	byName := make(map[string]*runner, len(runners))
	for _, r := range runners {
		byName[r.check.Name] = r
	}
	for _, r := range runners {
		seen := map[string]bool{}
		for queue := slices.Clone(r.check.DependsOn); len(queue) > 0; queue = queue[1:] {
			if seen[queue[0]] {
				continue
			}
			seen[queue[0]] = true
			above := byName[queue[0]]
			r.above = append(r.above, above)
			above.below = append(above.below, r)
			queue = append(queue, above.check.DependsOn...)
		}
	}
}
