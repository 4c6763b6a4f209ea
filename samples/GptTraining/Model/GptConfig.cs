using TeraIO.Core;

namespace TeraIO.Samples.GptTraining;

/// <summary>Shape of a decoder-only GPT and of its batches. Immutable.</summary>
/// <param name="Name">Name on the command line.</param>
/// <param name="Layers">Transformer blocks.</param>
/// <param name="Width">Width of the residual stream.</param>
/// <param name="Heads">Attention heads; divides <paramref name="Width"/>.</param>
/// <param name="Vocabulary">Rows of the token embedding.</param>
/// <param name="Sequence">Longest sequence in tokens, and the default of training.</param>
/// <param name="Batch">Sequences per micro batch.</param>
/// <param name="Dropout">Probability, 0 to less than 1.</param>
/// <param name="Tied">Whether the head shares the token embedding's weights.</param>
internal sealed record GptConfig(
    string Name, int Layers, int Width, int Heads, int Vocabulary, int Sequence, int Batch, double Dropout, bool Tied)
{
    /// <summary>The named shapes. The batches make a step take seconds on two cores.</summary>
    public static IReadOnlyList<GptConfig> Presets { get; } =
    [
        new("nano", Layers: 2, Width: 64, Heads: 4, Vocabulary: 256, Sequence: 64, Batch: 4, Dropout: 0.1, Tied: true),
        new("30M", Layers: 8, Width: 512, Heads: 8, Vocabulary: 8192, Sequence: 256, Batch: 4, Dropout: 0.1, Tied: true),
        new("gpt2-small", Layers: 12, Width: 768, Heads: 12, Vocabulary: 50257, Sequence: 256, Batch: 2, Dropout: 0.1, Tied: true),
    ];

    /// <summary>Finds a preset.</summary>
    /// <exception cref="ConfigurationException">There is none of this name.</exception>
    public static GptConfig Named(string name) =>
        Presets.FirstOrDefault(p => p.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? throw new ConfigurationException($"--config '{name}' is unknown; choose one of {string.Join(", ", Presets.Select(p => p.Name))}.");

    /// <summary>Trainable numbers of the model; a tied head counts once.</summary>
    public long Parameters
    {
        get
        {
            long width = Width;
            var block = (12 * width * width) + (13 * width);
            var embeddings = ((Tied ? 1L : 2L) * Vocabulary * width) + (Sequence * width);
            return embeddings + (Layers * block) + (2 * width);
        }
    }

    /// <summary>Returns this config when it can be built.</summary>
    /// <exception cref="ConfigurationException">A number is out of range; the message names the option.</exception>
    public GptConfig Validated()
    {
        Positive(Layers, "--layers");
        Positive(Width, "--width");
        Positive(Heads, "--heads");
        Positive(Vocabulary, "the vocabulary");
        Positive(Sequence, "--seq");
        Positive(Batch, "--batch");
        if (Width % Heads != 0)
            throw new ConfigurationException($"--width {Width} is not divisible by --heads {Heads}; every head needs the same width.");
        if (Dropout is not (>= 0 and < 1))
            throw new ConfigurationException($"--dropout is {Dropout}; it must be at least 0 and less than 1.");
        return this;
    }

    private static void Positive(int value, string what)
    {
        if (value <= 0)
            throw new ConfigurationException($"{what} is {value}; it must be at least 1.");
    }
}
