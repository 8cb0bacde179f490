package main

import (
	"context"
	"fmt"
	"time"

	"maunium.net/go/mautrix/bridgev2"
	"maunium.net/go/mautrix/bridgev2/database"
	"maunium.net/go/mautrix/bridgev2/networkid"
	"maunium.net/go/mautrix/bridgev2/simplevent"
	"maunium.net/go/mautrix/event"
)

// Line is what the harbor says.
type Line struct {
	Kind    string              `json:"kind"`
	Chat    networkid.PortalID  `json:"chat"`
	Sender  string              `json:"sender,omitempty"`
	ID      networkid.MessageID `json:"id,omitempty"`
	Target  networkid.MessageID `json:"target,omitempty"`
	ReplyTo networkid.MessageID `json:"reply_to,omitempty"`
	Text    string              `json:"text,omitempty"`
	File    *File               `json:"file,omitempty"`
	Emoji   string              `json:"emoji,omitempty"`
	Typing  bool                `json:"typing,omitempty"`
	// milliseconds since 1970, of older messages
	Time     int64  `json:"time,omitempty"`
	Messages []Line `json:"messages,omitempty"`
}

type File struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Data string `json:"data"`
}

func (c *Client) remoteEvent(line Line) bridgev2.RemoteEvent {
	meta := simplevent.EventMeta{
		PortalKey: networkid.PortalKey{ID: line.Chat}, Sender: c.sender(line.Sender), CreatePortal: true, Timestamp: time.Now(),
	}
	switch line.Kind {
	case "history":
		c.lock.Lock()
		c.history[line.Chat] = line.Messages
		c.lock.Unlock()
		newest := time.UnixMilli(line.Messages[len(line.Messages)-1].Time)
		return &simplevent.ChatResync{
			EventMeta: meta.WithType(bridgev2.RemoteEventChatResync), LatestMessageTS: newest,
			GetChatInfoFunc: c.GetChatInfo,
		}
	case "message":
		return &simplevent.Message[Line]{
			EventMeta: meta.WithType(bridgev2.RemoteEventMessage), Data: line, ID: line.ID, ConvertMessageFunc: convert,
		}
	case "edit":
		return &simplevent.Message[Line]{
			EventMeta: meta.WithType(bridgev2.RemoteEventEdit), Data: line, TargetMessage: line.Target,
			ConvertEditFunc: convertEdit,
		}
	case "reaction", "unreaction":
		kind := bridgev2.RemoteEventReaction
		if line.Kind == "unreaction" {
			kind = bridgev2.RemoteEventReactionRemove
		}
		return &simplevent.Reaction{
			EventMeta: meta.WithType(kind), TargetMessage: line.Target, Emoji: line.Emoji, EmojiID: networkid.EmojiID(line.Emoji),
		}
	case "removal":
		return &simplevent.MessageRemove{
			EventMeta: meta.WithType(bridgev2.RemoteEventMessageRemove), TargetMessage: line.Target,
		}
	case "typing":
		timeout := time.Duration(0)
		if line.Typing {
			timeout = 30 * time.Second
		}
		return &simplevent.Typing{EventMeta: meta.WithType(bridgev2.RemoteEventTyping), Timeout: timeout}
	case "read":
		return &simplevent.Receipt{
			EventMeta: meta.WithType(bridgev2.RemoteEventReadReceipt), LastTarget: line.Target,
			Targets: []networkid.MessageID{line.Target},
		}
	}
	panic(fmt.Sprintf("the harbor says %q", line.Kind))
}

func text(body string) *event.MessageEventContent {
	return &event.MessageEventContent{MsgType: event.MsgText, Body: body}
}

func convert(ctx context.Context, portal *bridgev2.Portal, intent bridgev2.MatrixAPI, line Line) (*bridgev2.ConvertedMessage, error) {
	content := text(line.Text)
	if file := line.File; file != nil {
		url, encrypted, err := intent.UploadMedia(ctx, portal.MXID, []byte(file.Data), file.Name, file.Type)
		if err != nil {
			return nil, err
		}
		content = &event.MessageEventContent{
			MsgType: event.MsgFile, Body: file.Name, URL: url, File: encrypted,
			Info: &event.FileInfo{MimeType: file.Type, Size: len(file.Data)},
		}
	}
	message := &bridgev2.ConvertedMessage{Parts: []*bridgev2.ConvertedMessagePart{{Type: event.EventMessage, Content: content}}}
	if line.ReplyTo != "" {
		message.ReplyTo = &networkid.MessageOptionalPartID{MessageID: line.ReplyTo}
	}
	return message, nil
}

func convertEdit(_ context.Context, _ *bridgev2.Portal, _ bridgev2.MatrixAPI, existing []*database.Message, line Line) (*bridgev2.ConvertedEdit, error) {
	part := &bridgev2.ConvertedEditPart{Part: existing[0], Type: event.EventMessage, Content: text(line.Text)}
	return &bridgev2.ConvertedEdit{ModifiedParts: []*bridgev2.ConvertedEditPart{part}}, nil
}

var _ bridgev2.BackfillingNetworkAPI = (*Client)(nil)

// FetchMessages answers with at most Count messages: the newest at first, then those before the anchor.
func (c *Client) FetchMessages(ctx context.Context, params bridgev2.FetchMessagesParams) (*bridgev2.FetchMessagesResponse, error) {
	c.lock.Lock()
	lines := c.history[params.Portal.ID]
	c.lock.Unlock()
	if anchor := params.AnchorMessage; anchor != nil && params.Forward {
		lines = nil
	} else if anchor != nil {
		for i, line := range lines {
			if line.ID == anchor.ID {
				lines = lines[:i]
				break
			}
		}
	}
	hasMore := len(lines) > params.Count
	lines = lines[max(0, len(lines)-params.Count):]
	answer := &bridgev2.FetchMessagesResponse{HasMore: hasMore && !params.Forward, Forward: params.Forward, MarkRead: true}
	for _, line := range lines {
		message, err := convert(ctx, params.Portal, c.connector.bridge.Bot, line)
		if err != nil {
			return nil, err
		}
		answer.Messages = append(answer.Messages, &bridgev2.BackfillMessage{
			ConvertedMessage: message, Sender: c.sender(line.Sender), ID: line.ID, Timestamp: time.UnixMilli(line.Time),
		})
	}
	return answer, nil
}
