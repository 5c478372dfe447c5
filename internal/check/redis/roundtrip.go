package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// keyLife is how long a key lives that was not deleted.
	keyLife = time.Minute
	// maxDraws bounds the search for a key in a slot of ours. One slot in all of
	// them is found with near certainty.
	maxDraws = 40 * clusterSlots
)

var (
	errTaken = errors.New("a random key was there before it was written")
	errOther = errors.New("what was read is not what was written")
	errLost  = errors.New("what was written is gone")
	errNoKey = errors.New("no key was found in a slot of the node")
)

// roundTrip writes a random value, reads it, and deletes it. In a cluster the key
// is one that the node itself serves, in own.
func roundTrip(ctx context.Context, client *redis.Client, own []slotRange) error {
	key, err := drawKey(own)
	if err != nil {
		return err
	}
	value := rand.Text()
	// With NX, nothing of anybody else's is overwritten.
	err = client.SetArgs(ctx, key, value, redis.SetArgs{Mode: "NX", TTL: keyLife}).Err()
	switch {
	case errors.Is(err, redis.Nil):
		return errTaken
	case err != nil:
		return err
	}
	got, err := client.Get(ctx, key).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return errLost
	case err != nil:
		return err
	case got != value:
		return errOther
	}
	return client.Del(ctx, key).Err()
}

func drawKey(own []slotRange) (string, error) {
	for range maxDraws {
		key := KeyPrefix + rand.Text()
		if own == nil {
			return key, nil
		}
		slot := slotOf(key)
		if slices.ContainsFunc(own, func(r slotRange) bool { return r.first <= slot && slot <= r.last }) {
			return key, nil
		}
	}
	return "", errNoKey
}
