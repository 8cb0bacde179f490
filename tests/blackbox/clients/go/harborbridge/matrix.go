package main

import (
	"context"

	"maunium.net/go/mautrix/bridgev2"
	"maunium.net/go/mautrix/bridgev2/database"
	"maunium.net/go/mautrix/bridgev2/networkid"
	"maunium.net/go/mautrix/event"
)

// What the bridge's user does on Matrix, as lines for the harbor.
var (
	_ bridgev2.EditHandlingNetworkAPI        = (*Client)(nil)
	_ bridgev2.ReactionHandlingNetworkAPI    = (*Client)(nil)
	_ bridgev2.RedactionHandlingNetworkAPI   = (*Client)(nil)
	_ bridgev2.ReadReceiptHandlingNetworkAPI = (*Client)(nil)
	_ bridgev2.TypingHandlingNetworkAPI      = (*Client)(nil)
)

func (c *Client) me() string { return string(c.login.ID) }

func (c *Client) HandleMatrixMessage(ctx context.Context, msg *bridgev2.MatrixMessage) (*bridgev2.MatrixMessageResponse, error) {
	line := Line{
		Kind: "message", Chat: msg.Portal.ID, Sender: c.me(), ID: networkid.MessageID(msg.Event.ID), Text: msg.Content.Body,
	}
	if msg.ReplyTo != nil {
		line.ReplyTo = msg.ReplyTo.ID
	}
	if msg.Content.MsgType == event.MsgFile {
		data, err := c.connector.bridge.Bot.DownloadMedia(ctx, msg.Content.URL, msg.Content.File)
		if err != nil {
			return nil, err
		}
		line.File = &File{Name: msg.Content.GetFileName(), Type: msg.Content.Info.MimeType, Data: string(data)}
	}
	if err := c.tell(line); err != nil {
		return nil, err
	}
	return &bridgev2.MatrixMessageResponse{DB: &database.Message{ID: line.ID, SenderID: networkid.UserID(c.me())}}, nil
}

func (c *Client) HandleMatrixEdit(_ context.Context, msg *bridgev2.MatrixEdit) error {
	return c.tell(Line{
		Kind: "edit", Chat: msg.Portal.ID, Sender: c.me(), Target: msg.EditTarget.ID, Text: msg.Content.Body,
	})
}

func (c *Client) PreHandleMatrixReaction(_ context.Context, msg *bridgev2.MatrixReaction) (bridgev2.MatrixReactionPreResponse, error) {
	emoji := msg.Content.RelatesTo.Key
	return bridgev2.MatrixReactionPreResponse{
		SenderID: networkid.UserID(c.me()), EmojiID: networkid.EmojiID(emoji), Emoji: emoji,
	}, nil
}

func (c *Client) HandleMatrixReaction(_ context.Context, msg *bridgev2.MatrixReaction) (*database.Reaction, error) {
	return &database.Reaction{}, c.tell(Line{
		Kind: "reaction", Chat: msg.Portal.ID, Sender: c.me(), Target: msg.TargetMessage.ID, Emoji: msg.PreHandleResp.Emoji,
	})
}

func (c *Client) HandleMatrixReactionRemove(_ context.Context, msg *bridgev2.MatrixReactionRemove) error {
	target := msg.TargetReaction
	return c.tell(Line{
		Kind: "unreaction", Chat: msg.Portal.ID, Sender: c.me(), Target: target.MessageID, Emoji: string(target.EmojiID),
	})
}

func (c *Client) HandleMatrixMessageRemove(_ context.Context, msg *bridgev2.MatrixMessageRemove) error {
	return c.tell(Line{Kind: "removal", Chat: msg.Portal.ID, Sender: c.me(), Target: msg.TargetMessage.ID})
}

func (c *Client) HandleMatrixReadReceipt(_ context.Context, msg *bridgev2.MatrixReadReceipt) error {
	if msg.ExactMessage == nil {
		return nil
	}
	return c.tell(Line{Kind: "read", Chat: msg.Portal.ID, Sender: c.me(), Target: msg.ExactMessage.ID})
}

func (c *Client) HandleMatrixTyping(_ context.Context, msg *bridgev2.MatrixTyping) error {
	return c.tell(Line{Kind: "typing", Chat: msg.Portal.ID, Sender: c.me(), Typing: msg.IsTyping})
}
