<?php
// Sends a text by v2 and reads it back.  MESSA=https://… KEY=msk_… php v2.php +46701740605 'Räksmörgås'

function ask(string $method, string $path, ?array $body = null): array
{
    $headers = ['Authorization: Bearer ' . getenv('KEY'), 'Content-Type: application/json', 'Idempotency-Key: ' . bin2hex(random_bytes(16))];
    $options = ['http' => ['method' => $method, 'header' => $headers, 'ignore_errors' => true]];
    if ($body !== null) {
        $options['http']['content'] = json_encode($body, JSON_THROW_ON_ERROR);
    }
    $answer = json_decode(file_get_contents(getenv('MESSA') . $path, false, stream_context_create($options)), true);
    if (isset($answer['title'])) { // a problem
        fwrite(STDERR, json_encode($answer, JSON_UNESCAPED_UNICODE) . "\n");
        exit(1);
    }
    return $answer;
}

$message = ask('POST', '/v2/messages', ['to' => $argv[1], 'text' => $argv[2]]);
echo $message['status'], "\n";
echo ask('GET', '/v2/messages/' . $message['id'])['text'], "\n";
