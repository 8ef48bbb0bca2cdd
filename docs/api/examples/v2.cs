// Sends a text by v2 and reads it back.  MESSA=https://… KEY=msk_… v2.exe +46701740605 'Räksmörgås'

using System;
using System.IO;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Runtime.Serialization;
using System.Runtime.Serialization.Json;
using System.Text;
using System.Threading.Tasks;

[DataContract]
class Message
{
    [DataMember(Name = "id", EmitDefaultValue = false)] public string Id;
    [DataMember(Name = "to", EmitDefaultValue = false)] public string To;
    [DataMember(Name = "text", EmitDefaultValue = false)] public string Text;
    [DataMember(Name = "status", EmitDefaultValue = false)] public string Status;
}

static class V2
{
    static readonly HttpClient Client = new HttpClient { Timeout = TimeSpan.FromSeconds(30) };
    static readonly DataContractJsonSerializer Json = new DataContractJsonSerializer(typeof(Message));

    // what the API answers; ends with its problem if there is one
    static async Task<Message> Ask(HttpMethod method, string path, Message body, string key)
    {
        var request = new HttpRequestMessage(method, Environment.GetEnvironmentVariable("MESSA") + path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Environment.GetEnvironmentVariable("KEY"));
        if (body != null)
        {
            var written = new MemoryStream();
            Json.WriteObject(written, body);
            request.Content = new StringContent(Encoding.UTF8.GetString(written.ToArray()), Encoding.UTF8, "application/json");
            request.Headers.Add("Idempotency-Key", key);
        }
        using (var answer = await Client.SendAsync(request))
        {
            var read = await answer.Content.ReadAsByteArrayAsync();
            if (!answer.IsSuccessStatusCode)
            {
                Console.Error.WriteLine(Encoding.UTF8.GetString(read));
                Environment.Exit(1);
            }
            return (Message)Json.ReadObject(new MemoryStream(read));
        }
    }

    static async Task Send(string number, string text)
    {
        // the same key in each try of one thing: then it is done once, however often it has to be tried
        var key = Guid.NewGuid().ToString();
        var message = await Ask(HttpMethod.Post, "/v2/messages", new Message { To = number, Text = text }, key);
        Console.WriteLine(message.Status);
        Console.WriteLine((await Ask(HttpMethod.Get, "/v2/messages/" + message.Id, null, null)).Text);
    }

    static void Main(string[] arguments)
    {
        Console.OutputEncoding = new UTF8Encoding(false);
        Send(arguments[0], arguments[1]).GetAwaiter().GetResult();
    }
}
