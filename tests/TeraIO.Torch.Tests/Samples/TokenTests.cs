using TeraIO.Core;
using TeraIO.Samples.GptTraining;
using TeraIO.Torch.Runtime;

namespace TeraIO.Torch.Tests.Samples;

public class TokenTests
{
    [OneTimeSetUp]
    public void LoadTorch() => TorchRuntime.Initialize();

    [TestCase("bytes")]
    [TestCase("cl100k")]
    public void Text_survives_encoding_and_decoding(string name)
    {
        const string Text = "Gets the value, or null; größer als 7 — 😀\n";
        var tokenizer = Tokenizers.Named(name);
        var tokens = new List<int>();

        tokenizer.Encode(Text, tokens);

        Assert.Multiple(() =>
        {
            Assert.That(tokenizer.Decode(tokens), Is.EqualTo(Text));
            Assert.That(tokens, Has.All.InRange(0, tokenizer.Vocabulary - 1));
        });
    }

    [Test]
    public void An_unknown_tokenizer_names_the_known_ones() =>
        Assert.That(() => Tokenizers.Named("morse"), Throws.InstanceOf<ConfigurationException>().With.Message.Contains("cl100k"));

    [Test]
    public void Reading_piecewise_gives_the_text_after_the_held_out_part()
    {
        using var stream = Stream(heldOut: 10);
        var tokens = new long[25];
        stream.Read(tokens.AsSpan(0, 7));
        stream.Read(tokens.AsSpan(7));

        var whole = string.Concat(new CountingText(20).Pieces());
        Assert.That(new ByteTokenizer().Decode(tokens.Select(t => (int)t)), Is.EqualTo(whole.Substring(10, 25)));
    }

    [Test]
    public void The_end_of_the_text_is_followed_by_its_start_without_the_held_out_part()
    {
        var length = string.Concat(new CountingText(20).Pieces()).Length;
        using var stream = Stream(heldOut: 10);
        var firstPass = new long[length - 10];
        var secondPass = new long[length - 10];

        stream.Read(firstPass);
        stream.Read(secondPass);

        Assert.That(secondPass, Is.EqualTo(firstPass));
    }

    [Test]
    public void Skipping_equals_reading([Values(0, 1, 33, 700, 5000)] int count)
    {
        using var read = Stream(heldOut: 10);
        using var skipped = Stream(heldOut: 10);
        var next = new long[50];
        var expected = new long[50];

        read.Read(new long[count]);
        read.Read(expected);
        skipped.Skip(count);
        skipped.Read(next);

        Assert.Multiple(() =>
        {
            Assert.That(next, Is.EqualTo(expected));
            Assert.That(skipped.Position, Is.EqualTo(read.Position));
        });
    }

    [Test]
    public void The_parts_of_a_batch_are_its_rows_and_leave_the_text_where_the_whole_does()
    {
        GptConfig config = GptConfig.Named("nano") with { Batch = 4, Sequence = 8 };
        using TextBatches all = Batches(), first = Batches(), second = Batches();
        using var scope = TorchSharp.torch.NewDisposeScope();

        for (var step = 0; step < 2; step++)
        {
            var whole = all.Next(4, 8);
            var upper = first.Next(4, 8, 0, 2);
            var lower = second.Next(4, 8, 1, 2);
            Assert.That(upper.Tokens.data<long>().Concat(lower.Tokens.data<long>()), Is.EqualTo(whole.Tokens.data<long>().ToArray()));
            Assert.That(upper.Targets.data<long>().Concat(lower.Targets.data<long>()), Is.EqualTo(whole.Targets.data<long>().ToArray()));
        }

        Assert.That(first.Position, Is.EqualTo(all.Position));

        TextBatches Batches() => new(new CountingText(200), new ByteTokenizer(), config);
    }

    [Test]
    public void A_text_that_is_all_held_out_is_refused()
    {
        using var stream = Stream(heldOut: 100_000);

        Assert.That(() => stream.Read(new long[1]), Throws.InstanceOf<ConfigurationException>().With.Message.Contains("20 sentences"));
    }

    private static TokenStream Stream(long heldOut) => new(new CountingText(20), new ByteTokenizer(), heldOut);
}
