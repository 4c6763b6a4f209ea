using TeraIO.Cli.Options;

namespace TeraIO.Cli.Tests.Options;

public sealed class ByteRateTests
{
    [TestCase("3.2GB/s", 3.2e9)]
    [TestCase("800MB/s", 8e8)]
    [TestCase("1.5 GiB/s", 1.5 * (1 << 30))]
    [TestCase("800MBps", 8e8)]
    [TestCase("2GB", 2e9)]
    [TestCase("100", 100)]
    public void A_rate_is_a_size_per_second(string text, double bytesPerSecond)
    {
        Assert.That(ByteRate.TryParse(text, out ByteRate rate), Is.True);
        Assert.That(rate.BytesPerSecond, Is.EqualTo(bytesPerSecond));
    }

    [TestCase("")]
    [TestCase("0GB/s")]
    [TestCase("-1GB/s")]
    [TestCase("fast")]
    [TestCase("1GB/m")]
    [TestCase("/s")]
    public void Anything_else_is_none(string text) => Assert.That(ByteRate.TryParse(text, out _), Is.False);
}
