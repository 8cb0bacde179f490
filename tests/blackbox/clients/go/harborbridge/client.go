package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"

	"go.mau.fi/util/ptr"

	"maunium.net/go/mautrix/bridgev2"
	"maunium.net/go/mautrix/bridgev2/networkid"
	"maunium.net/go/mautrix/bridgev2/status"
	"maunium.net/go/mautrix/event"
)

// Client is one login's connection to the harbor.
type Client struct {
	login     *bridgev2.UserLogin
	connector *Connector

	lock       sync.Mutex
	connection net.Conn
	// older messages by chat, oldest first
	history map[networkid.PortalID][]Line
}

var _ bridgev2.NetworkAPI = (*Client)(nil)

func (c *Client) Connect(ctx context.Context) {
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", c.connector.Config.Port))
	if err != nil {
		c.login.BridgeState.Send(status.BridgeState{StateEvent: status.StateUnknownError, Message: err.Error()})
		return
	}
	c.lock.Lock()
	c.connection = connection
	c.history = make(map[networkid.PortalID][]Line)
	c.lock.Unlock()
	c.login.BridgeState.Send(status.BridgeState{StateEvent: status.StateConnected})
	go c.read(ctx, connection)
}

func (c *Client) read(ctx context.Context, connection net.Conn) {
	taken := c.login.Metadata.(*LoginMetadata)
	if err := c.tell(map[string]int{"after": taken.Taken}); err != nil {
		c.login.Log.Err(err).Msg("Failed to tell the harbor what was taken")
		return
	}
	lines := bufio.NewScanner(connection)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line Line
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			c.login.Log.Err(err).Msg("The harbor says what is no line")
			return
		}
		if result := c.login.QueueRemoteEvent(c.remoteEvent(line)); !result.Success {
			c.login.Log.Error().Err(result.Error).Any("line", line).Msg("A line was not bridged")
			return
		}
		taken.Taken++
		if err := c.login.Save(ctx); err != nil {
			c.login.Log.Err(err).Msg("Failed to save what was taken")
			return
		}
	}
}

func (c *Client) tell(line any) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.connection == nil {
		return bridgev2.ErrNotLoggedIn
	}
	_, err = c.connection.Write(append(text, '\n'))
	return err
}

func (c *Client) Disconnect() {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.connection != nil {
		_ = c.connection.Close()
		c.connection = nil
	}
}

func (c *Client) IsLoggedIn() bool { return true }

func (c *Client) LogoutRemote(context.Context) { c.Disconnect() }

func (c *Client) IsThisUser(_ context.Context, user networkid.UserID) bool {
	return string(user) == string(c.login.ID)
}

func (c *Client) sender(name string) bridgev2.EventSender {
	isMe := name == string(c.login.ID)
	sender := bridgev2.EventSender{IsFromMe: isMe, Sender: networkid.UserID(name)}
	if isMe {
		sender.SenderLogin = c.login.ID
	}
	return sender
}

func (c *Client) GetChatInfo(_ context.Context, portal *bridgev2.Portal) (*bridgev2.ChatInfo, error) {
	me := c.sender(string(c.login.ID))
	return &bridgev2.ChatInfo{
		Name:        ptr.Ptr(string(portal.ID)),
		Topic:       ptr.Ptr("A chat in the harbor"),
		Members:     &bridgev2.ChatMemberList{MemberMap: bridgev2.ChatMemberMap{}.Set(bridgev2.ChatMember{EventSender: me, Membership: event.MembershipJoin})},
		CanBackfill: true,
	}, nil
}

func (c *Client) GetUserInfo(_ context.Context, ghost *bridgev2.Ghost) (*bridgev2.UserInfo, error) {
	return &bridgev2.UserInfo{Name: ptr.Ptr(string(ghost.ID))}, nil
}

func (c *Client) GetCapabilities(context.Context, *bridgev2.Portal) *event.RoomFeatures {
	any := map[string]event.CapabilitySupportLevel{"*/*": event.CapLevelFullySupported}
	return &event.RoomFeatures{
		ID:    "example.harbor.1",
		Reply: event.CapLevelFullySupported, Edit: event.CapLevelFullySupported, Delete: event.CapLevelFullySupported,
		Reaction: event.CapLevelFullySupported, ReadReceipts: true, TypingNotifications: true,
		File: event.FileFeatureMap{event.MsgFile: {MimeTypes: any}},
	}
}
