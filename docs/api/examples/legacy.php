<?php
// Sends a text by the legacy API and asks for its status.  MESSA=https://… KEY=session-key php legacy.php +46701740605 'Räksmörgås'

function ask(array $parameters): SimpleXMLElement
{
    $form = http_build_query(['api_user' => getenv('KEY')] + $parameters);
    $options = ['http' => ['method' => 'POST', 'header' => 'Content-Type: application/x-www-form-urlencoded', 'content' => $form]];
    return new SimpleXMLElement(file_get_contents(getenv('MESSA') . '/data_db/api.aspx', false, stream_context_create($options)));
}

$sent = ask(['phone_number' => $argv[1], 'message' => $argv[2]]);
echo $sent['code'], "\n";
if ((string) $sent['id'] !== '') {
    echo ask(['id' => (string) $sent['id']])['value'], "\n";
}
