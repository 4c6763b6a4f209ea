using System.Text;
using Microsoft.ML.Tokenizers;
using TeraIO.Core;

namespace TeraIO.Samples.GptTraining;

/// <summary>Text to token numbers and back.</summary>
internal interface ITextTokenizer
{
    /// <summary>Name on the command line.</summary>
    string Name { get; }

    /// <summary>One more than the largest token number.</summary>
    int Vocabulary { get; }

    /// <summary>Appends the tokens of a piece of text.</summary>
    void Encode(string text, List<int> tokens);

    /// <summary>The text of some tokens.</summary>
    string Decode(IEnumerable<int> tokens);
}

/// <summary>Chooses a tokenizer by name.</summary>
internal static class Tokenizers
{
    /// <exception cref="ConfigurationException">There is none of this name.</exception>
    public static ITextTokenizer Named(string name) => name switch
    {
        "bytes" => new ByteTokenizer(),
        "cl100k" => new Cl100kTokenizer(),
        _ => throw new ConfigurationException($"--tokenizer '{name}' is unknown; choose bytes or cl100k."),
    };
}

/// <summary>Every UTF-8 byte is a token.</summary>
internal sealed class ByteTokenizer : ITextTokenizer
{
    public string Name => "bytes";

    public int Vocabulary => 256;

    public void Encode(string text, List<int> tokens)
    {
        foreach (var b in Encoding.UTF8.GetBytes(text))
            tokens.Add(b);
    }

    public string Decode(IEnumerable<int> tokens) => Encoding.UTF8.GetString([.. tokens.Select(t => (byte)t)]);
}

/// <summary>The byte-pair encoding cl100k_base.</summary>
internal sealed class Cl100kTokenizer : ITextTokenizer
{
    private readonly TiktokenTokenizer _tokenizer = TiktokenTokenizer.CreateForEncoding("cl100k_base");

    public string Name => "cl100k";

    /// <summary>100,256 merges and the special tokens up to 100,276.</summary>
    public int Vocabulary => 100_277;

    public void Encode(string text, List<int> tokens) => tokens.AddRange(_tokenizer.EncodeToIds(text));

    public string Decode(IEnumerable<int> tokens) => _tokenizer.Decode(tokens);
}
