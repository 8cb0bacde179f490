// backfill sends batches of history through mautrix-go's own client, as bridgev2 does, and reads them back.
//
// Its argument is one JSON object: url, as_token, bot, ghost, room_id; remote_room_id is a room that had a member of
// another server.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

type arguments struct {
	URL          string    `json:"url"`
	Token        string    `json:"as_token"`
	Bot          id.UserID `json:"bot"`
	Ghost        id.UserID `json:"ghost"`
	RoomID       id.RoomID `json:"room_id"`
	RemoteRoomID id.RoomID `json:"remote_room_id"`
}

func main() {
	var args arguments
	if err := json.Unmarshal([]byte(os.Args[1]), &args); err != nil {
		fail(err)
	}
	if err := run(context.Background(), args); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// The id that the bridge gives a message before the server has seen it.
func eventID(name string) id.EventID {
	return id.EventID("$" + name + ":chat.example")
}

func message(sender id.UserID, name string, timestamp int64) *event.Event {
	return &event.Event{
		Sender:    sender,
		Type:      event.EventMessage,
		Timestamp: timestamp,
		ID:        eventID(name),
		Content: event.Content{
			Parsed: &event.MessageEventContent{MsgType: event.MsgText, Body: name},
			Raw:    map[string]any{"com.example.kept": name},
		},
	}
}

func reaction(sender id.UserID, name, target string, timestamp int64) *event.Event {
	relation := event.RelatesTo{Type: event.RelAnnotation, EventID: eventID(target), Key: "👍️"}
	return &event.Event{
		Sender:    sender,
		Type:      event.EventReaction,
		Timestamp: timestamp,
		ID:        eventID(name),
		Content:   event.Content{Parsed: &event.ReactionEventContent{RelatesTo: relation}},
	}
}

func run(ctx context.Context, args arguments) error {
	client, err := mautrix.NewClient(args.URL, args.Bot, args.Token)
	if err != nil {
		return err
	}
	client.SetAppServiceUserID = true
	versions, err := client.Versions(ctx)
	if err != nil {
		return err
	}
	if !versions.Supports(mautrix.BeeperFeatureBatchSending) {
		return errors.New("the server doesn't say that it takes batches")
	}

	batches := []*mautrix.ReqBeeperBatchSend{
		{ForwardIfNoMessages: true, Events: []*event.Event{message(args.Ghost, "c", 3000), message(args.Ghost, "d", 4000)}},
		{ForwardIfNoMessages: true, Events: []*event.Event{
			message(args.Ghost, "a", 1000), reaction(args.Bot, "ra", "a", 1010), message(args.Ghost, "b", 2000),
		}},
		{Forward: true, SendNotification: true, Events: []*event.Event{message(args.Ghost, "e", 5000)}},
	}
	for _, batch := range batches {
		// The answer may have been lost.
		for range 2 {
			answer, err := client.BeeperBatchSend(ctx, args.RoomID, batch)
			if err != nil {
				return err
			}
			for i, sent := range batch.Events {
				if i >= len(answer.EventIDs) || answer.EventIDs[i] != sent.ID {
					return fmt.Errorf("sent %s, answered %v", sent.ID, answer.EventIDs)
				}
			}
		}
	}

	wanted := []string{"a", "ra", "b", "c", "d", "e"}
	var seen []string
	from := ""
	for {
		page, err := client.Messages(ctx, args.RoomID, from, "", mautrix.DirectionForward, nil, 3)
		if err != nil {
			return err
		}
		for _, evt := range page.Chunk {
			if evt.StateKey != nil {
				continue
			}
			name := string(evt.ID[1 : len(evt.ID)-len(":chat.example")])
			seen = append(seen, name)
			if kept := evt.Content.Raw["com.example.kept"]; evt.Type == event.EventMessage && kept != name {
				return fmt.Errorf("%s came back with %v", name, kept)
			}
			if name == "b" && evt.Timestamp != 2000 {
				return fmt.Errorf("b came back with the time %d", evt.Timestamp)
			}
		}
		if page.End == "" {
			break
		}
		from = page.End
	}
	if !slices.Equal(seen, wanted) {
		return fmt.Errorf("the room has %v, not %v", seen, wanted)
	}

	stranger := &mautrix.ReqBeeperBatchSend{Events: []*event.Event{message("@nobody:elsewhere.example", "f", 1)}}
	if _, err := client.BeeperBatchSend(ctx, args.RoomID, stranger); !errors.Is(err, mautrix.MForbidden) {
		return fmt.Errorf("a stranger's message was answered with %v", err)
	}
	remote := &mautrix.ReqBeeperBatchSend{Events: []*event.Event{message(args.Ghost, "g", 1)}}
	if _, err := client.BeeperBatchSend(ctx, args.RemoteRoomID, remote); !errors.Is(err, mautrix.MBadState) {
		return fmt.Errorf("a batch for a room with a remote member was answered with %v", err)
	}
	return nil
}
