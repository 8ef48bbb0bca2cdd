#!/bin/sh
# Sends a text by the legacy API and asks for its status.  MESSA=https://… KEY=session-key sh legacy.sh +46701740605 'Räksmörgås'
set -eu

answer=$(curl --silent --fail "$MESSA/data_db/api.aspx" \
    --data-urlencode "api_user=$KEY" --data-urlencode "phone_number=$1" --data-urlencode "message=$2")
echo "$answer"
id=$(echo "$answer" | sed -n 's/.* id="\([^"]*\)".*/\1/p')
curl --silent --fail --get "$MESSA/data_db/api.aspx" --data-urlencode "api_user=$KEY" --data-urlencode "id=$id"
