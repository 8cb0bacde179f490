use serde_json::json;

use super::{Answer, required_int};
use crate::telegram::error::ApiError;
use crate::telegram::files::DOWNLOAD_BYTES;
use crate::telegram::params::Params;
use crate::telegram::state::State;

pub fn get(state: &State, params: &Params) -> Answer {
    let id = params.text("file_id").unwrap_or_default();
    let file =
        state.files.get(&id).ok_or_else(|| ApiError::bad("wrong file_id or the file is temporarily unavailable"))?;
    if file.size > DOWNLOAD_BYTES {
        return Err(ApiError::bad("file is too big"));
    }
    let unique = id.replace("file-", "unique-");
    Ok(json!({"file_id": id, "file_unique_id": unique, "file_size": file.size, "file_path": file.path}))
}

pub fn profile_photos(state: &State, params: &Params) -> Answer {
    let user = required_int(params, "user_id")?;
    let photos: Vec<_> = state.profile_photos.get(&user).into_iter().collect();
    Ok(json!({"total_count": photos.len(), "photos": photos}))
}
