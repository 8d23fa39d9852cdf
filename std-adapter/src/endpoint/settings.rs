//! The settings behind the `?` of a URL: `baud=9600&lossy=false`.

/// The settings of a URL: names and values.
pub(super) fn each(settings: &str) -> impl Iterator<Item = (&str, &str)> {
    let settings = settings.split('&').filter(|setting| !setting.is_empty());
    settings.map(|setting| setting.split_once('=').unwrap_or((setting, "")))
}

/// The value of `lossy`.
pub(super) fn lossy(value: &str) -> Result<bool, String> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("lossy is true or false, not \"{}\"", value.escape_debug())),
    }
}
