using System.Text;
using System.Xml;
using TeraIO.Core;

namespace TeraIO.Samples.GptTraining;

/// <summary>The English text of .NET API documentation: one line per member, in the order of the files.</summary>
internal sealed class XmlDocumentation(IReadOnlyList<string> files) : ITextSource
{
    private static readonly XmlReaderSettings _settings = new()
    {
        DtdProcessing = DtdProcessing.Prohibit,
        IgnoreComments = true,
        IgnoreProcessingInstructions = true,
    };

    public string Description { get; } = $".NET API documentation ({files.Count} files, {files.Sum(f => new FileInfo(f).Length)} bytes)";

    public IEnumerable<string> Pieces() => files.SelectMany(ReadFile);

    private static IEnumerable<string> ReadFile(string path)
    {
        using var reader = XmlReader.Create(path, _settings);
        while (Next(reader, path))
        {
            if (reader.NodeType == XmlNodeType.Element && reader.Name == "member" && ReadMember(reader, path) is { Length: > 0 } text)
                yield return text;
        }
    }

    private static string ReadMember(XmlReader reader, string path)
    {
        if (reader.IsEmptyElement)
            return "";
        var text = new StringBuilder();
        var depth = reader.Depth;
        while (Next(reader, path) && reader.Depth > depth)
        {
            switch (reader.NodeType)
            {
                case XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.SignificantWhitespace or XmlNodeType.Whitespace:
                    AppendWords(text, reader.Value);
                    break;
                case XmlNodeType.Element when reader.Name is "see" or "seealso" or "paramref" or "typeparamref":
                    AppendReference(text, reader);
                    break;
                case XmlNodeType.Element when reader.Name is "param" or "returns" or "remarks" or "exception" or "para":
                    AppendWords(text, " ");
                    break;
                default:
                    break;
            }
        }
        return text.ToString().Trim() is { Length: > 0 } words ? words + "\n" : "";
    }

    /// <summary><c>&lt;see cref="M:System.IO.File.Open(System.String)"/&gt;</c> reads as "Open".</summary>
    private static void AppendReference(StringBuilder text, XmlReader reader)
    {
        var target = reader.GetAttribute("langword") ?? reader.GetAttribute("name") ?? reader.GetAttribute("cref") ?? "";
        var end = target.IndexOfAny(['(', '`', '{']);
        var name = end < 0 ? target : target[..end];
        text.Append(name.AsSpan(name.LastIndexOfAny(['.', ':']) + 1));
    }

    private static void AppendWords(StringBuilder text, string raw)
    {
        foreach (var c in raw)
        {
            if (!char.IsWhiteSpace(c))
                text.Append(c);
            else if (text.Length > 0 && text[^1] != ' ')
                text.Append(' ');
        }
    }

    private static bool Next(XmlReader reader, string path)
    {
        try
        {
            return reader.Read();
        }
        catch (XmlException e)
        {
            throw new ConfigurationException($"{path} is not well-formed XML: {e.Message} Repair the .NET SDK, or train on a text of your own with --data FILE.", e) { Path = path };
        }
    }
}
