// Sends a text by the legacy API and asks for its status.  MESSA=https://… KEY=session-key legacy.exe +46701740605 'Räksmörgås'

using System;
using System.Collections.Generic;
using System.Net.Http;
using System.Threading.Tasks;
using System.Xml;

static class Legacy
{
    static readonly HttpClient Client = new HttpClient { Timeout = TimeSpan.FromSeconds(30) };

    // what the API answers: an element with its attributes
    static async Task<XmlElement> Ask(params string[] namesAndValues)
    {
        var form = new Dictionary<string, string> { { "api_user", Environment.GetEnvironmentVariable("KEY") } };
        for (var i = 0; i < namesAndValues.Length; i += 2)
            form[namesAndValues[i]] = namesAndValues[i + 1];
        var url = Environment.GetEnvironmentVariable("MESSA") + "/data_db/api.aspx";
        using (var answer = await Client.PostAsync(url, new FormUrlEncodedContent(form)))
        {
            var document = new XmlDocument();
            document.LoadXml(await answer.Content.ReadAsStringAsync());
            return document.DocumentElement;
        }
    }

    static async Task Send(string number, string text)
    {
        var sent = await Ask("phone_number", number, "message", text);
        Console.WriteLine(sent.GetAttribute("code"));
        if (sent.GetAttribute("id") != "")
            Console.WriteLine((await Ask("id", sent.GetAttribute("id"))).GetAttribute("value"));
    }

    static void Main(string[] arguments)
    {
        Send(arguments[0], arguments[1]).GetAwaiter().GetResult();
    }
}
