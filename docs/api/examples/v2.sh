#!/bin/sh
# Sends a text by v2 and reads it back.  MESSA=https://… KEY=msk_… sh v2.sh +46701740605 'Räksmörgås'
# (the text must hold no quotation marks here; a program builds the JSON by a library)
set -eu

answer=$(curl --silent --show-error --fail-with-body "$MESSA/v2/messages" -H "Authorization: Bearer $KEY" \
    -H 'Content-Type: application/json' -H "Idempotency-Key: $(od -An -N16 -tx1 /dev/urandom | tr -d ' ')" \
    --data "{\"to\": \"$1\", \"text\": \"$2\"}") || { echo "$answer"; exit 1; }
echo "$answer"
id=$(echo "$answer" | sed -n 's/^{"id": "\([^"]*\)".*/\1/p')
curl --silent --show-error --fail-with-body "$MESSA/v2/messages/$id" -H "Authorization: Bearer $KEY"
