using TeraIO.Cli.Bench;

namespace TeraIO.Cli.Tests.Bench;

public sealed class BenchPatternTests
{
    private const int Bytes = 3 * 4096;

    private readonly BenchPattern _pattern = new(Bytes);

    [Test]
    public void A_block_is_known_by_its_number()
    {
        byte[] block = Block(7);
        Assert.That(_pattern.Matches(block, 7), Is.True);
        Assert.That(_pattern.Matches(block, 8), Is.False);
        Assert.That(new BenchPattern(Bytes).Matches(block, 7), Is.True, "of another process too");
    }

    [Test]
    public void Any_byte_that_is_wrong_is_noticed([Values(0, 7, 8, 4095, 4096, 8191, Bytes - 1)] int at)
    {
        byte[] block = Block(7);
        block[at] ^= 1;
        Assert.That(_pattern.Matches(block, 7), Is.False);
    }

    [Test]
    public void A_page_of_another_block_or_place_is_noticed()
    {
        byte[] block = Block(7);
        Block(6).AsSpan(4096, 4096).CopyTo(block.AsSpan(4096));
        Assert.That(_pattern.Matches(block, 7), Is.False);
        block = Block(7);
        block.AsSpan(0, 4096).CopyTo(block.AsSpan(4096));
        Assert.That(_pattern.Matches(block, 7), Is.False);
    }

    private byte[] Block(long number)
    {
        byte[] block = new byte[Bytes];
        _pattern.Fill(block, number);
        return block;
    }
}
