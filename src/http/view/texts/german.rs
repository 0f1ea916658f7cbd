//! German.

use super::Texts;
use crate::model::Form;
use crate::password::policy::Refused;

/// The texts in German.
pub(crate) const GERMAN: Texts = Texts {
    sign_in: "Anmelden",
    continue_to: |client| format!("um mit {client} fortzufahren"),
    username: "Benutzername",
    password: "Passwort",
    wrong_password: "Der Benutzername oder das Passwort ist falsch.",
    too_many_attempts: |seconds| {
        format!("Zu viele Versuche. Bitte versuchen Sie es in {} noch einmal.", span(seconds, u64::div_ceil))
    },
    busy: "Gerade ist großer Andrang. Bitte versuchen Sie es in einigen Sekunden noch einmal.",
    out_of_date: "Diese Seite war nicht mehr aktuell. Bitte versuchen Sie es noch einmal.",

    asks_for_access: |client| format!("{client} bittet um Zugriff"),
    signed_in_as: |user| format!("Sie sind als {user} angemeldet."),
    use_another_account: "Anderes Konto verwenden",
    would_be_able_to: "Wenn Sie zustimmen, kann die Anwendung",
    only_what_is_new: "Das ist nur, was neu ist. Was Sie zuvor erlaubt haben, bleibt bestehen.",
    who_asks: "Wer fragt",
    client_name: "Name",
    client_id: "Kennung",
    asks_for_api: "Bittet um",
    sends_you_to: "Schickt Sie zu",
    allow: "Erlauben",
    deny: "Nicht erlauben",
    may_withdraw: "Sie können das auf Ihrer Kontoseite jederzeit widerrufen.",
    scope_openid: "Sie bei Ihrem nächsten Besuch wiedererkennen",
    scope_profile: "Ihren Namen und den Rest Ihres Profils sehen",
    scope_email: "Ihre E-Mail-Adresse sehen",
    scope_address: "Ihre Postanschrift sehen",
    scope_phone: "Ihre Telefonnummer sehen",
    scope_offline_access: "diesen Zugriff auch in Ihrer Abwesenheit behalten, bis Sie ihn widerrufen",

    sign_out: "Abmelden",
    sign_out_question: "Abmelden?",
    stay_signed_in: "Angemeldet bleiben",
    signed_out: "Sie sind abgemeldet",
    may_close: "Sie können diese Seite schließen.",
    sign_in_again: "Wieder anmelden",

    request_failed: "Diese Anfrage kann nicht ausgeführt werden",
    request_failed_why: "Die Anwendung, die Sie hierher geschickt hat, hat einen Fehler gemacht, oder der Link ist \
                         veraltet. Gehen Sie zurück zur Anwendung und versuchen Sie es noch einmal. Hilft das nicht, \
                         nennen Sie deren Herstellern, was unten steht.",
    not_found: "Hier ist nichts",
    not_found_why: "Vielleicht ist die Adresse falsch geschrieben, oder was hier war, ist umgezogen.",
    unavailable: "Im Moment nicht",
    unavailable_why: "Der Server kann das gerade nicht beantworten. Bitte versuchen Sie es in einigen Sekunden noch \
                      einmal.",
    details: "Einzelheiten",

    one_moment: "Einen Augenblick",
    being_sent_back: "Sie werden zur Anwendung zurückgeschickt.",
    proceed: "Weiter",

    account: "Ihr Konto",
    profile: "Profil",
    profile_about: "Ihr Name, Ihre E-Mail-Adresse und mehr",
    change_password: "Passwort ändern",
    change_password_about: "Ein neues wählen und überall sonst abmelden",
    sessions: "Sitzungen",
    sessions_about: "Wo Sie angemeldet sind",
    applications: "Anwendungen",
    applications_about: "Was Sie anderen erlaubt haben",
    save: "Speichern",
    saved: "Ihr Profil ist gespeichert.",

    profile_lead: "Alle Angaben sind freiwillig. Anwendungen sehen sie nur, wenn Sie es ihnen erlauben.",
    check_fields: "Das wurde nicht gespeichert. Bitte sehen Sie sich die unten markierten Felder an.",
    too_much: "Das wurde nicht gespeichert: Alles zusammen ist zu lang. Bitte kürzen Sie etwas.",
    contact: "Kontakt",
    address: "Anschrift",
    preferences: "Einstellungen",
    name: "Voller Name",
    given_name: "Vorname",
    middle_name: "Weitere Vornamen",
    family_name: "Nachname",
    nickname: "Spitzname",
    birthdate: "Geburtsdatum",
    birthdate_hint: "Wie 1984-02-29, oder nur das Jahr",
    gender: "Geschlecht",
    email: "E-Mail-Adresse",
    phone_number: "Telefonnummer",
    phone_number_hint: "Mit Landesvorwahl, wie +49 30 23125 000",
    website: "Website",
    profile_page: "Profilseite",
    picture: "Bild",
    picture_hint: "Die Webadresse eines Bildes",
    street_address: "Straße und Hausnummer",
    postal_code: "Postleitzahl",
    locality: "Ort",
    region: "Bundesland oder Region",
    country: "Land",
    full_address: "Vollständige Anschrift",
    full_address_hint: "Wie sie auf einem Brief steht, falls anders",
    locale: "Sprache",
    locale_hint: "Wie de-DE",
    zoneinfo: "Zeitzone",
    zoneinfo_hint: "Wie Europe/Berlin",
    malformed: |form| match form {
        Form::Line | Form::Lines | Form::Boolean => {
            "Das ist zu lang oder enthält ein Zeichen, das man nicht tippen kann."
        }
        Form::Url => "Das ist keine Web-Adresse. Eine sieht aus wie https://example.com.",
        Form::Email => "Das ist keine E-Mail-Adresse. Eine sieht aus wie name@example.com.",
        Form::Phone => "Das ist keine Telefonnummer. Eine sieht aus wie +49 30 23125 000.",
        Form::Birthdate => "Das ist kein Datum. Eines sieht aus wie 1984-02-29.",
        Form::Zoneinfo => "Es gibt keine Zeitzone, die so heißt. Eine heißt Europe/Berlin.",
        Form::Locale => "Das ist keine Sprache. Eine sieht aus wie de-DE.",
    },

    current_password: "Bisheriges Passwort",
    new_password: "Neues Passwort",
    new_password_hint: "Mindestens 15 Zeichen; mehrere Wörter hintereinander sind leicht zu merken.",
    new_password_again: "Neues Passwort, noch einmal",
    wrong_current_password: "Das ist nicht Ihr bisheriges Passwort.",
    password_refused: |refused| match refused {
        Refused::Short(_) => "Das ist zu kurz: Es müssen mindestens 15 Zeichen sein.",
        Refused::Long(_) => "Das ist zu lang.",
        Refused::Nul => "Darin steht ein Zeichen, das man nicht tippen kann.",
        Refused::Repeats => {
            "Das wiederholt ein kurzes Stück. Nehmen Sie mehrere Wörter, die nichts miteinander zu tun haben."
        }
        Refused::Common => {
            "Das ist leicht zu erraten. Nehmen Sie mehrere ungewöhnliche Wörter, die nichts miteinander zu tun haben."
        }
    },
    passwords_differ: "Das ist nicht dasselbe wie das neue Passwort darüber.",
    signs_out_elsewhere: "Sie werden überall sonst abgemeldet.",
    password_changed: "Ihr Passwort ist geändert, und Sie sind überall sonst abgemeldet.",

    this_browser: "Dieser Browser",
    unknown_browser: "Unbekannter Browser",
    browser_on: |browser, system| format!("{browser} unter {system}"),
    signed_in_at: "Angemeldet",
    last_seen: "Zuletzt gesehen",
    end_session: "Abmelden",
    end_session_of: |browser| format!("{browser} abmelden"),
    end_other_sessions: "Überall sonst abmelden",
    session_ended: "Dieser Browser ist abgemeldet.",
    sessions_ended: "Sie sind überall sonst abgemeldet.",

    no_applications: "Sie haben keiner Anwendung etwas erlaubt.",
    is_able_to: "Diese Anwendung kann",
    allowed_at: "Erlaubt",
    withdraw: "Widerrufen",
    withdraw_from: |client| format!("Widerrufen, was {client} darf"),
    withdraw_means: "Was Sie widerrufen, endet sofort. Die Anwendung fragt Sie erneut, wenn sie es braucht.",
    withdrawn: "Die Anwendung hat keinen Zugriff mehr.",

    date_and_time: |at| {
        let month = MONTHS[usize::from(at.month().unsigned_abs()) - 1];
        format!("{}. {month} {}, {:02}:{:02} UTC", at.day(), at.year(), at.hour(), at.minute())
    },
    ago: |seconds| match u64::try_from(seconds).unwrap_or(0) {
        0..60 => "gerade eben".to_owned(),
        seconds => format!("vor {}", span(seconds, std::ops::Div::div)),
    },
};

const MONTHS: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];

/// A span in its largest unit, in the dative, which both `vor` and `in` ask for.
fn span(seconds: u64, round: fn(u64, u64) -> u64) -> String {
    let units = [("Sekunde", "Sekunden"), ("Minute", "Minuten"), ("Stunde", "Stunden"), ("Tag", "Tagen")];
    let (count, (one, many)) = super::largest_unit(seconds, round, units);
    format!("{count} {}", if count == 1 { one } else { many })
}
