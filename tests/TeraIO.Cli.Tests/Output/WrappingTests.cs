using TeraIO.Cli.Output;

namespace TeraIO.Cli.Tests.Output;

public sealed class WrappingTests
{
    [TestCase("one two three", 7, new[] { "one two", "three" })]
    [TestCase("one", 7, new[] { "one" })]
    [TestCase("", 7, new[] { "" })]
    [TestCase("/usr/lib/x86_64", 10, new[] { "/usr/lib/", "x86_64" })]
    [TestCase("abcdefghij", 4, new[] { "abcd", "efgh", "ij" })]
    [TestCase("at /usr/lib/x86_64", 12, new[] { "at /usr/lib/", "x86_64" })]
    public void Lines_break_at_blanks_or_within_paths(string text, int width, string[] lines) => Assert.That(Wrapping.Lines(text, width), Is.EqualTo(lines));

    [Test]
    public void No_line_is_too_long_and_no_sign_is_lost()
    {
        var random = new Random(4);
        for (int round = 0; round < 2000; round++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(60)).Select(_ => " /,ab"[random.Next(5)]));
            int width = 1 + random.Next(20);
            string[] lines = [.. Wrapping.Lines(text, width)];
            Assert.That(lines.Max(static l => l.Length), Is.LessThanOrEqualTo(width), text);
            Assert.That(string.Concat(lines).Replace(" ", "", StringComparison.Ordinal), Is.EqualTo(text.Replace(" ", "", StringComparison.Ordinal)));
        }
    }
}
