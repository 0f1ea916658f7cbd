//! What pages say: one struct, and a value of it for each language. A language that lacks a text does not compile.

mod english;
mod german;

use crate::model::{Form, Language};
use crate::password::policy::Refused;
use crate::protocol::{Code, Error};

pub(crate) use english::ENGLISH;
pub(crate) use german::GERMAN;

/// The texts of `language`.
pub(crate) fn texts(language: Language) -> &'static Texts {
    match language {
        Language::English => &ENGLISH,
        Language::German => &GERMAN,
    }
}

impl Texts {
    /// What a claim is called, and what helps to write it.
    pub(super) fn claim(&self, name: &'static str) -> (&'static str, Option<&'static str>) {
        match name {
            "name" => (self.name, None),
            "given_name" => (self.given_name, None),
            "middle_name" => (self.middle_name, None),
            "family_name" => (self.family_name, None),
            "nickname" => (self.nickname, None),
            "birthdate" => (self.birthdate, Some(self.birthdate_hint)),
            "gender" => (self.gender, None),
            "email" => (self.email, None),
            "phone_number" => (self.phone_number, Some(self.phone_number_hint)),
            "website" => (self.website, None),
            "profile" => (self.profile_page, None),
            "picture" => (self.picture, Some(self.picture_hint)),
            "address.street_address" => (self.street_address, None),
            "address.postal_code" => (self.postal_code, None),
            "address.locality" => (self.locality, None),
            "address.region" => (self.region, None),
            "address.country" => (self.country, None),
            "address.formatted" => (self.full_address, Some(self.full_address_hint)),
            "locale" => (self.locale, Some(self.locale_hint)),
            "zoneinfo" => (self.zoneinfo, Some(self.zoneinfo_hint)),
            name => (name, None),
        }
    }

    /// Why a form that was posted is shown again, when none of its fields is at fault.
    pub(super) fn refused(&self, refusal: &Error) -> String {
        match refusal.code() {
            Code::TooManyRequests => (self.too_many_attempts)(refusal.retry_after().unwrap_or(60)),
            Code::Unavailable => self.busy.to_owned(),
            Code::TooLarge => self.too_much.to_owned(),
            _ => self.out_of_date.to_owned(),
        }
    }
}

/// All that pages say. What depends on a name, a number or a moment is a function of it.
pub(crate) struct Texts {
    // Signing in.
    pub sign_in: &'static str,
    pub continue_to: fn(client: &str) -> String,
    pub username: &'static str,
    pub password: &'static str,
    pub wrong_password: &'static str,
    pub too_many_attempts: fn(seconds: u64) -> String,
    pub busy: &'static str,
    pub out_of_date: &'static str,

    // Consent.
    pub asks_for_access: fn(client: &str) -> String,
    pub signed_in_as: fn(user: &str) -> String,
    pub use_another_account: &'static str,
    pub would_be_able_to: &'static str,
    pub only_what_is_new: &'static str,
    pub who_asks: &'static str,
    pub client_name: &'static str,
    pub client_id: &'static str,
    pub asks_for_api: &'static str,
    pub sends_you_to: &'static str,
    pub allow: &'static str,
    pub deny: &'static str,
    pub may_withdraw: &'static str,
    pub scope_openid: &'static str,
    pub scope_profile: &'static str,
    pub scope_email: &'static str,
    pub scope_address: &'static str,
    pub scope_phone: &'static str,
    pub scope_offline_access: &'static str,

    // Signing out.
    pub sign_out: &'static str,
    pub sign_out_question: &'static str,
    pub stay_signed_in: &'static str,
    pub signed_out: &'static str,
    pub may_close: &'static str,
    pub sign_in_again: &'static str,

    // Errors.
    pub request_failed: &'static str,
    pub request_failed_why: &'static str,
    pub not_found: &'static str,
    pub not_found_why: &'static str,
    pub unavailable: &'static str,
    pub unavailable_why: &'static str,
    pub details: &'static str,

    // On the way to a client.
    pub one_moment: &'static str,
    pub being_sent_back: &'static str,
    pub proceed: &'static str,

    // The account.
    pub account: &'static str,
    pub profile: &'static str,
    pub profile_about: &'static str,
    pub change_password: &'static str,
    pub change_password_about: &'static str,
    pub sessions: &'static str,
    pub sessions_about: &'static str,
    pub applications: &'static str,
    pub applications_about: &'static str,
    pub save: &'static str,
    pub saved: &'static str,

    // The profile.
    pub profile_lead: &'static str,
    pub check_fields: &'static str,
    pub too_much: &'static str,
    pub contact: &'static str,
    pub address: &'static str,
    pub preferences: &'static str,
    pub name: &'static str,
    pub given_name: &'static str,
    pub middle_name: &'static str,
    pub family_name: &'static str,
    pub nickname: &'static str,
    pub birthdate: &'static str,
    pub birthdate_hint: &'static str,
    pub gender: &'static str,
    pub email: &'static str,
    pub phone_number: &'static str,
    pub phone_number_hint: &'static str,
    pub website: &'static str,
    pub profile_page: &'static str,
    pub picture: &'static str,
    pub picture_hint: &'static str,
    pub street_address: &'static str,
    pub postal_code: &'static str,
    pub locality: &'static str,
    pub region: &'static str,
    pub country: &'static str,
    pub full_address: &'static str,
    pub full_address_hint: &'static str,
    pub locale: &'static str,
    pub locale_hint: &'static str,
    pub zoneinfo: &'static str,
    pub zoneinfo_hint: &'static str,
    pub malformed: fn(Form) -> &'static str,

    // Changing the password.
    pub current_password: &'static str,
    pub new_password: &'static str,
    pub new_password_hint: &'static str,
    pub new_password_again: &'static str,
    pub wrong_current_password: &'static str,
    pub password_refused: fn(Refused) -> &'static str,
    pub passwords_differ: &'static str,
    pub signs_out_elsewhere: &'static str,
    pub password_changed: &'static str,

    // Sessions.
    pub this_browser: &'static str,
    pub unknown_browser: &'static str,
    pub browser_on: fn(browser: &str, system: &str) -> String,
    pub signed_in_at: &'static str,
    pub last_seen: &'static str,
    pub end_session: &'static str,
    pub end_session_of: fn(browser: &str) -> String,
    pub end_other_sessions: &'static str,
    pub session_ended: &'static str,
    pub sessions_ended: &'static str,

    // Applications.
    pub no_applications: &'static str,
    pub is_able_to: &'static str,
    pub allowed_at: &'static str,
    pub withdraw: &'static str,
    pub withdraw_from: fn(client: &str) -> String,
    pub withdraw_means: &'static str,
    pub withdrawn: &'static str,

    // Moments, all of them in UTC.
    pub date_and_time: fn(at: jiff::civil::DateTime) -> String,
    pub ago: fn(seconds: i64) -> String,
}

/// A span of time in the largest of `units` (seconds, minutes, hours, days) that it has one of, divided by `round`.
fn largest_unit<U: Copy>(seconds: u64, round: fn(u64, u64) -> u64, units: [U; 4]) -> (u64, U) {
    let [second, minute, hour, day] = units;
    match seconds {
        0..60 => (seconds, second),
        60..3_600 => (round(seconds, 60), minute),
        3_600..86_400 => (round(seconds, 3_600), hour),
        _ => (round(seconds, 86_400), day),
    }
}
