//! English.

use super::Texts;
use crate::model::Form;
use crate::password::policy::Refused;

/// The texts in English.
pub(crate) const ENGLISH: Texts = Texts {
    sign_in: "Sign in",
    continue_to: |client| format!("to continue to {client}"),
    username: "User name",
    password: "Password",
    wrong_password: "The user name or the password is wrong.",
    too_many_attempts: |seconds| {
        format!("Too many attempts. Please try again in {}.", span(seconds, u64::div_ceil))
    },
    busy: "There is a rush at the moment. Please try again in a few seconds.",
    out_of_date: "This page was out of date. Please try again.",

    asks_for_access: |client| format!("{client} asks for access"),
    signed_in_as: |user| format!("You are signed in as {user}."),
    use_another_account: "Use another account",
    would_be_able_to: "If you allow it, the application can",
    only_what_is_new: "This is only what is new. What you allowed before stays as it is.",
    who_asks: "Who asks",
    client_name: "Name",
    client_id: "Identifier",
    asks_for_api: "Asks for",
    sends_you_to: "Sends you to",
    allow: "Allow",
    deny: "Do not allow",
    may_withdraw: "You can withdraw this on your account page at any time.",
    scope_openid: "recognise you when you come back",
    scope_profile: "see your name and the rest of your profile",
    scope_email: "see your e-mail address",
    scope_address: "see your postal address",
    scope_phone: "see your phone number",
    scope_offline_access: "keep this access while you are away, until you withdraw it",

    sign_out: "Sign out",
    sign_out_question: "Sign out?",
    stay_signed_in: "Stay signed in",
    signed_out: "You are signed out",
    may_close: "You can close this page.",
    sign_in_again: "Sign in again",

    request_failed: "This request cannot be completed",
    request_failed_why: "The application that sent you here made a mistake, or the link is out of date. Go back to \
                         the application and try again. If that does not help, tell its makers what stands below.",
    not_found: "There is nothing here",
    not_found_why: "The address may be mistyped, or what was here has moved.",
    unavailable: "Not now, please",
    unavailable_why: "The server cannot answer this at the moment. Please try again in a few seconds.",
    details: "Details",

    one_moment: "One moment",
    being_sent_back: "You are being sent back to the application.",
    proceed: "Continue",

    account: "Your account",
    profile: "Profile",
    profile_about: "Your name, e-mail address and more",
    change_password: "Change password",
    change_password_about: "Choose a new one, and sign out everywhere else",
    sessions: "Sessions",
    sessions_about: "Where you are signed in",
    applications: "Applications",
    applications_about: "What you allowed others to do",
    save: "Save",
    saved: "Your profile is saved.",

    profile_lead: "All of this is optional. Applications see it only if you allow them to.",
    check_fields: "This was not saved. Please look at the fields that are marked below.",
    too_much: "This was not saved: all of it together is too long. Please shorten something.",
    contact: "Contact",
    address: "Address",
    preferences: "Preferences",
    name: "Full name",
    given_name: "Given name",
    middle_name: "Middle name",
    family_name: "Family name",
    nickname: "Nickname",
    birthdate: "Date of birth",
    birthdate_hint: "As in 1984-02-29, or the year alone",
    gender: "Gender",
    email: "E-mail address",
    phone_number: "Phone number",
    phone_number_hint: "With the country code, as in +44 20 7946 0958",
    website: "Website",
    profile_page: "Profile page",
    picture: "Picture",
    picture_hint: "The web address of a picture",
    street_address: "Street and number",
    postal_code: "Postal code",
    locality: "Town",
    region: "State or region",
    country: "Country",
    full_address: "Full address",
    full_address_hint: "As it stands on a letter, if that differs",
    locale: "Language",
    locale_hint: "As in en-GB",
    zoneinfo: "Time zone",
    zoneinfo_hint: "As in Europe/London",
    malformed: |form| match form {
        Form::Line | Form::Lines | Form::Boolean => {
            "This is too long, or has a character in it that cannot be typed."
        }
        Form::Url => "This is not a web address. One looks like https://example.com.",
        Form::Email => "This is not an e-mail address. One looks like name@example.com.",
        Form::Phone => "This is not a phone number. One looks like +44 20 7946 0958.",
        Form::Birthdate => "This is not a date. One looks like 1984-02-29.",
        Form::Zoneinfo => "There is no time zone of this name. One looks like Europe/London.",
        Form::Locale => "This is not a language. One looks like en-GB.",
    },

    current_password: "Current password",
    new_password: "New password",
    new_password_hint: "At least 15 characters; several words in a row are easy to remember.",
    new_password_again: "New password, again",
    wrong_current_password: "This is not your current password.",
    password_refused: |refused| match refused {
        Refused::Short(_) => "This is too short: it takes at least 15 characters.",
        Refused::Long(_) => "This is too long.",
        Refused::Nul => "This has a character in it that cannot be typed.",
        Refused::Repeats => {
            "This repeats one short piece. Take several words that have nothing to do with each other."
        }
        Refused::Common => {
            "This is easily guessed. Take several unusual words that have nothing to do with each other."
        }
    },
    passwords_differ: "This is not the same as the new password above.",
    signs_out_elsewhere: "You will be signed out everywhere else.",
    password_changed: "Your password is changed, and you are signed out everywhere else.",

    this_browser: "This browser",
    unknown_browser: "Unknown browser",
    browser_on: |browser, system| format!("{browser} on {system}"),
    signed_in_at: "Signed in",
    last_seen: "Last seen",
    end_session: "Sign out",
    end_session_of: |browser| format!("Sign out {browser}"),
    end_other_sessions: "Sign out everywhere else",
    session_ended: "That browser is signed out.",
    sessions_ended: "You are signed out everywhere else.",

    no_applications: "You have not allowed anything to any application.",
    is_able_to: "This application can",
    allowed_at: "Allowed",
    withdraw: "Withdraw",
    withdraw_from: |client| format!("Withdraw what {client} may do"),
    withdraw_means: "What you withdraw ends at once. The application asks you again when it needs to.",
    withdrawn: "The application no longer has access.",

    date_and_time: |at| {
        let month = MONTHS[usize::from(at.month().unsigned_abs()) - 1];
        format!("{} {month} {}, {:02}:{:02} UTC", at.day(), at.year(), at.hour(), at.minute())
    },
    ago: |seconds| match u64::try_from(seconds).unwrap_or(0) {
        0..60 => "just now".to_owned(),
        seconds => format!("{} ago", span(seconds, std::ops::Div::div)),
    },
};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A span in its largest unit.
fn span(seconds: u64, round: fn(u64, u64) -> u64) -> String {
    let (count, unit) = super::largest_unit(seconds, round, ["second", "minute", "hour", "day"]);
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}
