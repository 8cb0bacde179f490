use causeway_store::{
    Commit, CommitError, Notice, deactivate_account, delete_profile, device_list_changed, erase_user,
};
use ruma::UserId;

use super::Accounts;

impl Accounts {
    /// Deactivates for good: no device, no password; the name stays taken. `erase` takes the profile away too,
    /// and what the user said from all who did not have it already.
    pub async fn deactivate(&self, user_id: &UserId, erase: bool) -> Result<(), CommitError> {
        let mut statements = deactivate_account(user_id.as_str());
        statements.push(device_list_changed(user_id.as_str()));
        if erase {
            statements.push(delete_profile(user_id.as_str()));
            statements.push(erase_user(user_id.as_str()));
        }
        let notice = Notice::DeviceList { user_id: user_id.as_str().into() };
        self.store.commit(Commit::of(statements).notify(notice)).await?;
        if erase {
            self.store.remember_erased(user_id.as_str()).await?;
        }
        self.forget(user_id);
        self.tokens.forget_user(user_id);
        Ok(())
    }
}
