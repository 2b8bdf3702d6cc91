package slack

import (
	"cmp"
	"strings"
)

// User is an account.
type User struct {
	ID              string
	Name            string // "": what stands before the @ of the email
	RealName        string
	Email           string // "": the account has none
	TeamID          string // "": Team
	Teams           []string
	TimeZone        string // "": Europe/London
	Deleted         bool
	Bot             bool
	Restricted      bool // a guest
	UltraRestricted bool // a guest of one channel
	Stranger        bool // of another organisation
	Unconfirmed     bool // the email was never confirmed
}

// Channel is a conversation: a channel, or a direct message with the app.
type Channel struct {
	ID        string
	Name      string // "" for a direct message
	With      string // the person of a direct message
	Archived  bool
	BotAbsent bool // the app was not invited
}

// shown is the name by which messages to the app call it.
func (c Channel) shown() string {
	if c.With != "" {
		return "directmessage"
	}
	return c.Name
}

// AddUser adds an account and returns it with what was not given.
func (f *Fake) AddUser(u User) User {
	f.mu.Lock()
	defer f.mu.Unlock()
	u.ID = cmp.Or(u.ID, f.id("U"))
	name, _, _ := strings.Cut(u.Email, "@")
	u.Name = cmp.Or(u.Name, name, strings.ToLower(u.ID))
	u.RealName = cmp.Or(u.RealName, strings.ToUpper(u.Name[:1])+u.Name[1:])
	u.TeamID, u.TimeZone = cmp.Or(u.TeamID, Team), cmp.Or(u.TimeZone, "Europe/London")
	f.people = append(f.people, &u)
	return u
}

// ChangeUser changes an account.
func (f *Fake) ChangeUser(id string, change func(*User)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f.user(id))
}

// AddChannel adds a channel, which the app is in.
func (f *Fake) AddChannel(name string) Channel {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := &Channel{ID: f.id("C"), Name: strings.TrimPrefix(name, "#")}
	f.channels = append(f.channels, c)
	return *c
}

// ChangeChannel changes a channel, by its id or name.
func (f *Fake) ChangeChannel(name string, change func(*Channel)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f.channel(name))
}

// user finds an account by its id, name or email. The caller holds f.mu.
func (f *Fake) user(who string) *User {
	for _, u := range f.people {
		if u.ID == who || u.Name == who || u.Email != "" && strings.EqualFold(u.Email, who) {
			return u
		}
	}
	return nil
}

// byID finds an account as the Web API does. The caller holds f.mu.
func (f *Fake) byID(id string) *User {
	for _, u := range f.people {
		if u.ID == id {
			return u
		}
	}
	return nil
}

// channel finds a conversation by its id or name. The caller holds f.mu.
func (f *Fake) channel(name string) *Channel {
	for _, c := range f.channels {
		if c.ID == name || c.Name != "" && c.Name == strings.TrimPrefix(name, "#") {
			return c
		}
	}
	return nil
}

// direct is the conversation of a person with the app. The caller holds f.mu.
func (f *Fake) direct(userID string) *Channel {
	for _, c := range f.channels {
		if c.With == userID {
			return c
		}
	}
	c := &Channel{ID: f.id("D"), With: userID}
	f.channels = append(f.channels, c)
	return c
}

// shown is an account as users.info has it.
func (u User) shown(withEmail bool) map[string]any {
	profile := map[string]any{"real_name": u.RealName, "display_name": u.Name, "team": u.TeamID}
	if withEmail && u.Email != "" {
		profile["email"] = u.Email
	}
	user := map[string]any{
		"id": u.ID, "team_id": u.TeamID, "name": u.Name, "real_name": u.RealName, "deleted": u.Deleted, "profile": profile,
		"is_bot": u.Bot, "is_app_user": false, "updated": 1_700_000_000,
	}
	if u.Deleted {
		return user
	}
	for name, value := range map[string]any{
		"is_restricted": u.Restricted || u.UltraRestricted, "is_ultra_restricted": u.UltraRestricted,
		"is_admin": false, "is_owner": false, "is_primary_owner": false, "is_email_confirmed": !u.Unconfirmed,
		"tz": u.TimeZone, "tz_label": u.TimeZone, "tz_offset": 0,
	} {
		user[name] = value
	}
	if u.Stranger {
		user["is_stranger"] = true
	}
	if len(u.Teams) > 0 {
		user["enterprise_user"] = map[string]any{"id": u.ID, "enterprise_id": "E00000001", "enterprise_name": "Acme", "teams": u.Teams}
	}
	return user
}

func (f *Fake) authTest(map[string]any) (map[string]any, error) {
	return map[string]any{
		"url": "https://acme.slack.com/", "team": "Acme", "user": "curfew", "team_id": Team, "user_id": BotUser, "bot_id": BotID,
		"app_id": AppID, "is_enterprise_install": false,
	}, nil
}

func (f *Fake) usersInfo(args map[string]any) (map[string]any, error) {
	withEmail := f.scoped("users:read.email")
	f.mu.Lock()
	defer f.mu.Unlock()
	u := f.byID(text(args, "user"))
	if u == nil {
		return nil, refusal{code: "user_not_found"}
	}
	return map[string]any{"user": u.shown(withEmail)}, nil
}

func (f *Fake) usersLookup(args map[string]any) (map[string]any, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, u := range f.people {
		if u.Email != "" && strings.EqualFold(u.Email, text(args, "email")) && !u.Deleted {
			return map[string]any{"user": u.shown(true)}, nil
		}
	}
	return nil, refusal{code: "users_not_found"}
}
