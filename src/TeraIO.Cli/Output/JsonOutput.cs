using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace TeraIO.Cli.Output;

/// <summary>Results for programs: one JSON value on standard output, names in camel case, sizes in bytes, times in seconds.</summary>
internal static class JsonOutput
{
    private static readonly JsonSerializerOptions _options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        // Names of operators hold "::" and "<"; the output is no web page.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    /// <summary>The option that asks for it.</summary>
    public static Option<bool> Option(Command command)
    {
        var option = new Option<bool>("--json") { Description = "Print the result as JSON" };
        command.Add(option);
        return option;
    }

    public static void Write<T>(CommandConsole console, T value) => console.Out.WriteLine(JsonSerializer.Serialize(value, _options));
}
