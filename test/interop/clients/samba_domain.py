"""Provisions a throw-away Active Directory domain with Samba, and says what it holds.

    samba_domain.py DIRECTORY

Writes etc/smb.conf, the database, krb5.conf, service.keytab and krbtgt.keytab into DIRECTORY, and prints one JSON
object: for each user the SIDs that Samba itself computes (tokenGroups). Everything is done on the database: no server
runs yet.
"""

import json
import logging
import os
import sys

import ldb
import samba.dckeytab  # Adds export_keytab to Net.
from samba.auth import system_session
from samba.credentials import Credentials
from samba.dcerpc import security
from samba.dsdb import (
    DS_DOMAIN_FUNCTION_2008_R2,
    GTYPE_SECURITY_DOMAIN_LOCAL_GROUP as DOMAIN_LOCAL,
    GTYPE_SECURITY_GLOBAL_GROUP as GLOBAL,
    GTYPE_SECURITY_UNIVERSAL_GROUP as UNIVERSAL,
)
from samba.ndr import ndr_unpack
from samba.net import Net
from samba.param import LoadParm
from samba.provision import provision
from samba.samdb import SamDB

REALM = 'AD.EXAMPLE.TEST'
# Samba's own clients take no ticket for localhost.
HOST = 'server.ad.example.test'
DOMAIN_SID = 'S-1-5-21-1004336348-1177238915-682003330'
PASSWORD = 'Passw0rd-of-a-test'
# msDS-SupportedEncryptionTypes (MS-KILE section 2.2.7): RC4 alone, both AES.
RC4, AES = 0x4, 0x18
SERVICES = {'rc4': RC4, 'aes': AES}
MANY = 250
DIRECTORIES = {
    'private dir': 'private',
    'state directory': 'state',
    'cache directory': 'cache',
    'lock directory': 'lock',
    'pid directory': 'run',
    'binddns dir': 'dns',
    'ncalrpc dir': 'ncalrpc',
}


def configure(directory):
    """Nothing may come from the machine's own smb.conf, nor touch its directories."""
    for name in ['etc', *DIRECTORIES.values()]:
        os.makedirs(os.path.join(directory, name))
    options = {
        'realm': REALM,
        'workgroup': 'ADEXAMPLE',
        'netbios name': 'DC1',
        'server role': 'active directory domain controller',
        'server services': 'kdc',
        'interfaces': 'lo',
        'bind interfaces only': 'yes',
        'log file': f'{directory}/samba.log',
        **{option: f'{directory}/{name}' for option, name in DIRECTORIES.items()},
    }
    path = os.path.join(directory, 'etc/smb.conf')
    with open(path, 'w') as file:
        file.write('[global]\n')
        file.writelines(f'  {option} = {value}\n' for option, value in options.items())
        # A domain controller has to have these.
        file.writelines(f'[{share}]\n  path = {directory}/state/sysvol\n' for share in ('sysvol', 'netlogon'))
    return path


def create(directory):
    lp = LoadParm()
    lp.load(configure(directory))
    logger = logging.getLogger('provision')
    logger.setLevel(logging.ERROR)
    provision(
        logger,
        system_session(),
        smbconf=lp.configfile,
        realm=REALM,
        domain='ADEXAMPLE',
        domainsid=security.dom_sid(DOMAIN_SID),
        hostname='dc1',
        hostip='127.0.0.1',
        hostip6=None,
        adminpass=PASSWORD,
        serverrole='active directory domain controller',
        dns_backend='NONE',
        dom_for_fun_level=DS_DOMAIN_FUNCTION_2008_R2,
        lp=lp,
    )
    return lp, SamDB(os.path.join(directory, 'private/sam.ldb'), session_info=system_session(lp), lp=lp)


def populate(samdb):
    for name in ('alice', 'many', 'loner'):
        samdb.newuser(name, PASSWORD)
    groups = {'inner': GLOBAL, 'middle': GLOBAL, 'outer': GLOBAL, 'universal': UNIVERSAL, 'local': DOMAIN_LOCAL,
              'local-outer': DOMAIN_LOCAL, 'local-many': DOMAIN_LOCAL}
    groups.update({f'group{number:02}': GLOBAL for number in range(40)})
    groups.update({f'crowd{number:03}': GLOBAL for number in range(MANY)})
    members = {'inner': ['alice'], 'middle': ['inner'], 'outer': ['middle'], 'universal': ['outer'],
               'local': ['alice'], 'local-outer': ['universal'], 'local-many': ['crowd007']}
    for name, kind in groups.items():
        samdb.newgroup(name, grouptype=kind)
        if name not in members:
            members[name] = ['alice' if name.startswith('group') else 'many']
    for name, list_of_members in members.items():
        samdb.add_remove_group_members(name, list_of_members, add_members_operation=True)
    for name, enctypes in SERVICES.items():
        samdb.newuser(f'svc-{name}', PASSWORD)
        message = ldb.Message(samdb.search(expression=f'sAMAccountName=svc-{name}', attrs=[])[0].dn)
        for attribute, value in (('servicePrincipalName', f'{name}/{HOST}'),
                                 ('msDS-SupportedEncryptionTypes', str(enctypes))):
            message[attribute] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, attribute)
        samdb.modify(message)
        # The keys are made when the password is set: once more, now that the enctypes are known.
        samdb.setpassword(f'sAMAccountName=svc-{name}', PASSWORD)


def describe(samdb, name):
    dn = samdb.search(expression=f'sAMAccountName={name}', attrs=[])[0].dn
    user = samdb.search(dn, scope=ldb.SCOPE_BASE, attrs=['tokenGroups', 'objectSid', 'sAMAccountName'])[0]

    def sid(value):
        return str(ndr_unpack(security.dom_sid, value))

    return {'sid': sid(user['objectSid'][0]), 'tokenGroups': sorted(map(sid, user['tokenGroups']))}


def main():
    directory = os.path.abspath(sys.argv[1])
    lp, samdb = create(directory)
    samdb.transaction_start()
    populate(samdb)
    samdb.transaction_commit()
    credentials = Credentials()
    credentials.guess(lp)
    net = Net(credentials, lp)
    for name in SERVICES:
        net.export_keytab(keytab=os.path.join(directory, 'service.keytab'), principal=f'{name}/{HOST}')
    net.export_keytab(keytab=os.path.join(directory, 'krbtgt.keytab'), principal=f'krbtgt/{REALM}')
    with open(os.path.join(directory, 'krb5.conf'), 'w') as file:
        file.write(
            f'[libdefaults]\n  default_realm = {REALM}\n  dns_lookup_kdc = false\n  dns_lookup_realm = false\n'
            '  dns_canonicalize_hostname = false\n  qualify_shortname = ""\n  rdns = false\n  forwardable = true\n'
            f'  allow_weak_crypto = true\n  allow_rc4 = true\n[realms]\n  {REALM} = {{\n    kdc = 127.0.0.1\n  }}\n'
            f'[domain_realm]\n  .ad.example.test = {REALM}\n'
        )
    print(json.dumps({
        'realm': REALM,
        'host': HOST,
        'domainSid': DOMAIN_SID,
        'password': PASSWORD,
        'users': {name: describe(samdb, name) for name in ('alice', 'many', 'loner')},
        'groups': {name: describe_group(samdb, name) for name in ('local', 'local-outer', 'inner', 'outer')},
    }))


def describe_group(samdb, name):
    group = samdb.search(expression=f'sAMAccountName={name}', attrs=['objectSid'])[0]
    return str(ndr_unpack(security.dom_sid, group['objectSid'][0]))


if __name__ == '__main__':
    main()
