//! Why a request to the object storage has failed: for people, for retries, and for the other end.

use std::fmt;

use tinyferry_core::error::Reason;

use crate::fs::error::StoreError;

/// A request that has failed.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    /// What was tried, as in `store the object "a/b"`.
    pub(super) what: String,
    pub(super) cause: Cause,
}

#[derive(Debug, Clone)]
pub(super) enum Cause {
    /// There is no answer: a clause.
    Silent(String),
    /// The storage refuses.
    Refused {
        /// Of HTTP.
        status: u16,
        /// The code of S3, as in `NoSuchKey`; empty if the answer has none.
        code: String,
        /// The message of the storage. Hostile.
        message: String,
    },
    /// The answer has no sense, or differs from what is expected: a clause.
    Wrong(String),
}

impl Fault {
    pub(super) fn wrong(what: &str, why: &str) -> Self {
        Self { what: what.to_owned(), cause: Cause::Wrong(why.to_owned()) }
    }

    /// Whether it is an answer of this status.
    pub(super) fn is(&self, expected: u16) -> bool {
        matches!(&self.cause, Cause::Refused { status, .. } if *status == expected)
    }

    pub(super) fn has_code(&self, expected: &str) -> bool {
        matches!(&self.cause, Cause::Refused { code, .. } if code == expected)
    }

    /// Whether there is no such object.
    pub(super) fn is_missing(&self) -> bool {
        self.is(404) && !self.has_code("NoSuchBucket")
    }

    /// Whether an upload of which a part has failed like this has no chance: it was aborted, or has too many parts.
    pub(super) fn ends_upload(&self) -> bool {
        self.is_missing() || matches!(self.cause, Cause::Wrong(_))
    }

    /// Whether the same request may succeed later.
    pub(super) fn is_transient(&self) -> bool {
        match &self.cause {
            Cause::Silent(_) => true,
            Cause::Wrong(_) => false,
            Cause::Refused { status, code, .. } => {
                matches!(*status, 408 | 429 | 500 | 502 | 503 | 504)
                    || matches!(
                        code.as_str(),
                        "RequestTimeout"
                            | "SlowDown"
                            | "InternalError"
                            | "OperationAborted"
                            | "ConditionalRequestConflict"
                    )
            }
        }
    }

    fn reason(&self) -> Reason {
        match &self.cause {
            Cause::Refused { status: 403, code, .. } if code == "AccessDenied" => {
                Reason::NoPermission
            }
            Cause::Refused { status: 507, .. } => Reason::NoSpace,
            Cause::Refused { code, .. } if code == "QuotaExceeded" => Reason::NoSpace,
            Cause::Refused { code, .. } if code == "EntityTooLarge" => Reason::TooLarge,
            Cause::Refused { code, .. } if code == "KeyTooLongError" => Reason::NameTooLong,
            _ => Reason::Storage,
        }
    }

    /// What an operator can do.
    fn advice(&self) -> &'static str {
        let Cause::Refused { status, code, .. } = &self.cause else { return "" };
        match (status, code.as_str()) {
            (_, "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken") => {
                "; check the credentials of the server"
            }
            (_, "ExpiredToken") => "; renew the credentials of the server",
            (_, "RequestTimeTooSkewed") => "; set the clock of the server",
            (_, "NoSuchBucket") => "; create the bucket first",
            (
                301 | 307 | 400,
                "PermanentRedirect" | "AuthorizationHeaderMalformed" | "TemporaryRedirect" | "",
            ) => "; the bucket may be in another region: set region=",
            (403, _) => "; the credentials need the right to read, write, list and delete objects",
            _ => "",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = &self.what;
        match &self.cause {
            Cause::Silent(why) => {
                write!(f, "cannot {what}: no answer of the object storage ({why})")
            }
            Cause::Wrong(why) => write!(f, "cannot {what}: {why}"),
            Cause::Refused { status, code, message } => {
                write!(f, "cannot {what}: the object storage answers {status}")?;
                if !code.is_empty() {
                    write!(f, " {}", code.escape_debug())?;
                }
                if !message.is_empty() {
                    let message: String = message.chars().take(120).collect();
                    write!(f, " ({})", message.trim_end_matches('.').escape_debug())?;
                }
                f.write_str(self.advice())
            }
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        Self::new(fault.reason(), &fault.to_string())
    }
}

impl From<Fault> for std::io::Error {
    fn from(fault: Fault) -> Self {
        Self::other(fault.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str) -> Fault {
        let (code, message) = (code.to_owned(), "Words.".to_owned());
        let what = "store the object \"a\" in the bucket \"b\"".to_owned();
        Fault { what, cause: Cause::Refused { status, code, message } }
    }

    #[test]
    fn a_fault_names_the_object_the_reason_and_the_remedy() {
        assert_eq!(
            refused(403, "SignatureDoesNotMatch").to_string(),
            "cannot store the object \"a\" in the bucket \"b\": the object storage answers 403 SignatureDoesNotMatch \
             (Words); check the credentials of the server"
        );
        assert_eq!(StoreError::from(refused(403, "AccessDenied")).reason, Reason::NoPermission);
        assert_eq!(StoreError::from(refused(400, "BadDigest")).reason, Reason::Storage);
    }

    #[test]
    fn only_faults_that_may_pass_are_tried_again() {
        for (fault, expected) in [
            (refused(503, "SlowDown"), true),
            (refused(400, "RequestTimeout"), true),
            (refused(500, ""), true),
            (refused(403, "AccessDenied"), false),
            (refused(404, "NoSuchKey"), false),
            (refused(412, "PreconditionFailed"), false),
            (Fault::wrong("x", "y"), false),
        ] {
            assert_eq!(fault.is_transient(), expected, "{fault}");
        }
    }
}
