/** Finds misspelt names in a krb5.conf: MIT krb5 and Heimdal ignore every name that they do not know. */
import { distanceOf } from '../options.ts';
import { printableName } from '../text.ts';
import type { ConfigProblem, Profile } from './profile.ts';

/**
 * The sections and settings that nothing reads and whose names resemble known ones. A name that resembles
 * none is left alone, because any program may have settings of its own.
 */
export function misspeltNames(profile: Profile): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const examine = (name: string, known: ReadonlySet<string>, show: (name: string) => string) => {
    const meant = meantName(name, known);
    if (meant === undefined || problems.length === MAX_PROBLEMS) return;
    problems.push({
      reason: 'config.unknown-setting',
      text: `krb5.conf: nothing reads ${show(printableName(name))}`,
      remedies: [`write ${show(meant)}`],
    });
  };
  for (const name of profile.topLevelNames()) examine(name, SECTIONS, (text) => `[${text}]`);
  for (const name of profile.relationNames('libdefaults')) {
    examine(name, SETTINGS, (text) => `[libdefaults] ${text}`);
  }
  for (const realm of profile.sectionNames('realms')) {
    const shown = `[realms] ${printableName(realm)}`;
    for (const name of profile.relationNames('realms', realm)) {
      examine(name, REALM_SETTINGS, (text) => `${shown} ${text}`);
    }
  }
  return problems;
}

/** The known name that was probably meant; undefined if the name is known, or resembles none. */
function meantName(name: string, known: ReadonlySet<string>): string | undefined {
  if (known.has(name) || name.length > MAX_LENGTH) return undefined;
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const other of known) {
    const distance = lettersOf(name) === lettersOf(other) ? 0 : distanceOf(name, other);
    if (distance < least) [best, least] = [other, distance];
  }
  return best !== undefined && least <= (best.length < SHORT ? 1 : 2) ? best : undefined;
}

/** Without what is easily forgotten or added: clock_skew is clockskew. */
function lettersOf(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, '');
}

const MAX_PROBLEMS = 20;
const MAX_LENGTH = 64;
const SHORT = 7;

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}

// MIT krb5, krb5_conf.rst and kdc_conf.rst; Heimdal, krb5.conf(5); Java's sun.security.krb5.Config.
const SECTIONS = words(`
  libdefaults realms domain_realm capaths logging appdefaults plugins login kdc kdcdefaults kadmin
  dbdefaults dbmodules otp password_quality gssapi kcm hdb kx509 iprop ntlm digest ext
`);
const SETTINGS = words(`
  allow_des3 allow_rc4 allow_weak_crypto ap_req_checksum_type canonicalize ccache_type clockskew
  client_aware_channel_bindings default_ccache_name default_client_keytab_name default_keytab_name
  default_rcache_name default_realm default_tgs_enctypes default_tkt_enctypes disable_encrypted_timestamp
  dns_canonicalize_hostname dns_fallback dns_lookup_kdc dns_lookup_realm dns_uri_lookup
  enforce_ok_as_delegate err_fmt extra_addresses forwardable ignore_acceptor_hostname
  k5login_authoritative k5login_directory kcm_mach_service kcm_socket kdc_default_options
  kdc_req_checksum_type kdc_timesync noaddresses permitted_enctypes plugin_base_dir
  preferred_preauth_types proxiable qualify_shortname rdns realm_try_domains renew_lifetime
  request_timeout safe_checksum_type spake_preauth_challenge spake_preauth_groups ticket_lifetime
  udp_preference_limit verify_ap_req_nofail pkinit_anchors pkinit_cert_match pkinit_dh_min_bits
  pkinit_eku_checking pkinit_identities pkinit_identity pkinit_indicator pkinit_kdc_hostname
  pkinit_pool pkinit_require_crl_checking pkinit_revoke

  default_as_etypes default_cc_name default_cc_type default_etypes default_etypes_des
  default_tgs_etypes default_name_type date_format time_format log_utc scan_interfaces
  fcache_version fcc-mit-ticketflags fcache_strict_checking check-rd-req-server
  transited_realms_reject no-addresses ignore_addresses renewable srv_lookup srv_try_txt dns_proxy
  http_proxy large_msg_size max_msg_size maxretries max_retries kdc_timeout host_timeout
  warn_pwexpire enable-kx509 kuserok aname2lname-text-db report_canonical_client_name
  name_canon_rules moduli encrypt forward use_fast capath egd_socket allow_hierarchical_capaths
  send_pac

  default_checksum extended_realm_search sspi_bridge msSFU refreshKrb5Config
`);
const REALM_SETTINGS: ReadonlySet<string> = new Set([
  ...SETTINGS,
  ...words(`
    kdc admin_server master_kdc primary_kdc kpasswd_server kpasswd_protocol default_domain
    auth_to_local auth_to_local_names auth_to_local_realm http_anchors sitename krb524_server
    v4_domains v4_instance_convert v4_name_convert v4_realm database_module tgs_require_subkey
    acl_file max_life max_renewable_life supported_enctypes kdc_ports kdc_tcp_ports kdc_listen
    kdc_tcp_listen key_stash_file master_key_type master_key_name default_principal_flags
  `),
]);
