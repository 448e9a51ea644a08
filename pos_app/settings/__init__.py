"""What the shop chose (a file and the environment) and what it keeps secret; it knows no screen."""

from pos_app.settings.file import SettingsFile as SettingsFile
from pos_app.settings.file import variable as variable
from pos_app.settings.key_store import KeyringSecrets as KeyringSecrets
from pos_app.settings.key_store import open_secrets as open_secrets
from pos_app.settings.pairing import identity_from as identity_from
from pos_app.settings.pairing import keep_pairing as keep_pairing
from pos_app.settings.pairing import pairing_from as pairing_from
from pos_app.settings.secrets import SECURITY_CREDENTIAL as SECURITY_CREDENTIAL
from pos_app.settings.secrets import MemorySecrets as MemorySecrets
from pos_app.settings.secrets import SecretName as SecretName
from pos_app.settings.secrets import Secrets as Secrets
from pos_app.settings.secrets import SecretsError as SecretsError
from pos_app.settings.secrets import credentials_from as credentials_from
from pos_app.settings.secrets import initiator_from as initiator_from
from pos_app.settings.secrets_file import FileSecrets as FileSecrets
from pos_app.settings.values import DisplayChoice as DisplayChoice
from pos_app.settings.values import Environment as Environment
from pos_app.settings.values import Settings as Settings
from pos_app.settings.values import SpokenChoice as SpokenChoice
from pos_app.settings.values import ThemeChoice as ThemeChoice
