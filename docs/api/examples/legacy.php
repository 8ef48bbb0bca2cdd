<?php
// Sends a text by the legacy API and asks for its status.  MESSA=https://… KEY=session-key php legacy.php +46701740605 'Räksmörgås'

function ask(array $parameters): array
{
    $form = http_build_query(['api_user' => getenv('KEY')] + $parameters);
    $options = ['http' => ['method' => 'POST', 'header' => 'Content-Type: application/x-www-form-urlencoded', 'content' => $form]];
    $answer = file_get_contents(getenv('MESSA') . '/data_db/api.aspx', false, stream_context_create($options));
    preg_match_all('/(\w+)="([^"]*)"/', substr($answer, strpos($answer, '?>')), $found);
    return array_map('html_entity_decode', array_combine($found[1], $found[2]));
}

$sent = ask(['phone_number' => $argv[1], 'message' => $argv[2]]);
echo $sent['code'], "\n";
if ($sent['id'] !== '') {
    echo ask(['id' => $sent['id']])['value'], "\n";
}
