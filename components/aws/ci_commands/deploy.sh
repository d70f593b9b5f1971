# What the pipeline runs last, as its own role, one command a line, for the app in $APP. It asks, and a person decides
# in the factory: the key is that of an identity in people.yaml which holds no role at a gate.
command -v millwright || make setup
export PATH="$PWD/.venv/bin:$PATH"
umask 077
secret() { python -c 'import boto3, sys; print(boto3.client("secretsmanager").get_secret_value(SecretId=sys.argv[1])["SecretString"])' "$APP/ci/$1"; }
secret key > ci-key
MILLWRIGHT_DATABASE="$(secret database)"; export MILLWRIGHT_DATABASE
millwright promote "$APP" --key ci-key
