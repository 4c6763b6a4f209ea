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

    [FsCheck.NUnit.Property]
    public bool No_line_is_too_long_and_no_sign_is_lost(FsCheck.NonNull<string> text, byte width) =>
        Wrapping.Lines(text.Get, width + 1).All(l => l.Length <= width + 1)
        && string.Concat(Wrapping.Lines(text.Get, width + 1)).Where(static c => !char.IsWhiteSpace(c)).SequenceEqual(text.Get.Where(static c => !char.IsWhiteSpace(c)));
}
