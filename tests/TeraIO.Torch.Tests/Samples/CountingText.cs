using System.Globalization;
using TeraIO.Samples.GptTraining;

namespace TeraIO.Torch.Tests.Samples;

/// <summary>Numbered sentences; enough for a few steps of a tiny model.</summary>
internal sealed class CountingText(int sentences) : ITextSource
{
    public string Description => $"{sentences} sentences";

    public IEnumerable<string> Pieces() =>
        Enumerable.Range(0, sentences).Select(i => string.Create(CultureInfo.InvariantCulture, $"sentence {i} follows {i - 1}. "));
}
