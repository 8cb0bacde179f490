package main

import (
	"context"

	"go.mau.fi/util/configupgrade"

	"maunium.net/go/mautrix/bridgev2"
	"maunium.net/go/mautrix/bridgev2/database"
	"maunium.net/go/mautrix/bridgev2/networkid"
)

type Connector struct {
	bridge *bridgev2.Bridge
	Config Config
}

type Config struct {
	// of the harbor, on loopback
	Port int `yaml:"port"`
}

// LoginMetadata says how many of the harbor's lines were taken.
type LoginMetadata struct {
	Taken int `json:"taken"`
}

var _ bridgev2.NetworkConnector = (*Connector)(nil)

func (c *Connector) Init(bridge *bridgev2.Bridge) { c.bridge = bridge }

func (c *Connector) Start(context.Context) error { return nil }

func (c *Connector) GetName() bridgev2.BridgeName {
	return bridgev2.BridgeName{
		DisplayName: "Harbor", NetworkURL: "https://harbor.example", NetworkID: "harbor", BeeperBridgeType: "harbor",
		DefaultPort: 29999,
	}
}

func (c *Connector) GetDBMetaTypes() database.MetaTypes {
	return database.MetaTypes{UserLogin: func() any { return &LoginMetadata{} }}
}

func (c *Connector) GetCapabilities() *bridgev2.NetworkGeneralCapabilities {
	return &bridgev2.NetworkGeneralCapabilities{}
}

func (c *Connector) GetBridgeInfoVersion() (info, capabilities int) { return 1, 1 }

func (c *Connector) GetConfig() (string, any, configupgrade.Upgrader) {
	return "# Where the harbor is, on loopback.\nport: 1\n", &c.Config, configupgrade.SimpleUpgrader(func(helper configupgrade.Helper) {
		helper.Copy(configupgrade.Int, "port")
	})
}

func (c *Connector) LoadUserLogin(_ context.Context, login *bridgev2.UserLogin) error {
	login.Client = &Client{login: login, connector: c}
	return nil
}

func (c *Connector) GetLoginFlows() []bridgev2.LoginFlow {
	return []bridgev2.LoginFlow{{Name: "Name", Description: "Log in with a name", ID: "name"}}
}

func (c *Connector) CreateLogin(_ context.Context, user *bridgev2.User, _ string) (bridgev2.LoginProcess, error) {
	return &nameLogin{user: user}, nil
}

// nameLogin asks for the name in the harbor, and for nothing else.
type nameLogin struct {
	user *bridgev2.User
}

var _ bridgev2.LoginProcessUserInput = (*nameLogin)(nil)

func (l *nameLogin) Start(context.Context) (*bridgev2.LoginStep, error) {
	field := bridgev2.LoginInputDataField{Type: bridgev2.LoginInputFieldTypeUsername, ID: "name", Name: "Name"}
	return &bridgev2.LoginStep{
		Type:            bridgev2.LoginStepTypeUserInput,
		StepID:          "example.harbor.name",
		Instructions:    "Enter your name in the harbor",
		UserInputParams: &bridgev2.LoginUserInputParams{Fields: []bridgev2.LoginInputDataField{field}},
	}, nil
}

func (l *nameLogin) Cancel() {}

func (l *nameLogin) SubmitUserInput(ctx context.Context, input map[string]string) (*bridgev2.LoginStep, error) {
	name := input["name"]
	login, err := l.user.NewLogin(ctx, &database.UserLogin{
		ID: networkid.UserLoginID(name), RemoteName: name, Metadata: &LoginMetadata{},
	}, nil)
	if err != nil {
		return nil, err
	}
	go login.Client.Connect(login.Log.WithContext(context.Background()))
	return &bridgev2.LoginStep{
		Type:           bridgev2.LoginStepTypeComplete,
		StepID:         "example.harbor.complete",
		Instructions:   "Welcome to the harbor, " + name,
		CompleteParams: &bridgev2.LoginCompleteParams{UserLoginID: login.ID, UserLogin: login},
	}, nil
}
