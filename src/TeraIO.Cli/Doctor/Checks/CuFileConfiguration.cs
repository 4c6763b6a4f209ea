using System.Text.Json;

namespace TeraIO.Cli.Doctor.Checks;

/// <summary>libcufile's configuration file: JSON with comments.</summary>
/// <param name="Path">The file that libcufile reads.</param>
/// <param name="State">What became of reading it.</param>
/// <param name="Fault">Why it is no configuration; empty when it is one, or when there is no file.</param>
/// <param name="Json">Its content; undefined when it could not be read.</param>
internal sealed record CuFileConfiguration(string Path, FileText State, string Fault, JsonElement Json)
{
    public const string Variable = "CUFILE_ENV_PATH_JSON";
    private const string ByDefault = "/etc/cufile.json";
    private const int MostBytes = 1 << 20;

    public static CuFileConfiguration Of(Machine machine)
    {
        string path = machine.Environment(Variable) ?? ByDefault;
        FileText file = machine.Files.Read(path, MostBytes);
        if (file.Text is null) return new CuFileConfiguration(path, file, file.IsMissing ? "" : file.Why, default);
        try
        {
            using var document = JsonDocument.Parse(file.Text, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, MaxDepth = 32 });
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new CuFileConfiguration(path, file, "", document.RootElement.Clone())
                : new CuFileConfiguration(path, file, "it is not a JSON object", default);
        }
        catch (JsonException e)
        {
            return new CuFileConfiguration(path, file, $"it is not JSON: {e.Message}", default);
        }
    }

    public bool IsRead => Json.ValueKind == JsonValueKind.Object;

    /// <summary>A value by its place, such as properties, allow_compat_mode; undefined when it is not there.</summary>
    public JsonElement Value(params ReadOnlySpan<string> place)
    {
        JsonElement at = Json;
        foreach (string name in place)
        {
            if (at.ValueKind != JsonValueKind.Object || !at.TryGetProperty(name, out JsonElement next)) return default;
            at = next;
        }

        return at;
    }

    /// <summary>A switch; null when it is absent or no switch.</summary>
    public bool? Flag(params ReadOnlySpan<string> place) => Value(place).ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => null,
    };

    /// <summary>A number; null when it is absent or no number.</summary>
    public long? Number(params ReadOnlySpan<string> place) => Value(place) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt64(out long number) ? number : null;
}
