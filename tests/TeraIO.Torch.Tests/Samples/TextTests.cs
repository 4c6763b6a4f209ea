using TeraIO.Core;
using TeraIO.Samples.GptTraining;

namespace TeraIO.Torch.Tests.Samples;

public class TextTests
{
    private string _directory = "";

    [SetUp]
    public void CreateDirectory() => _directory = Directory.CreateTempSubdirectory("teraio-test-").FullName;

    [TearDown]
    public void DeleteDirectory() => Directory.Delete(_directory, recursive: true);

    [Test]
    public void Documentation_gives_one_line_of_plain_words_per_member()
    {
        var file = Write("packs/a.xml", """
            <doc><members>
              <member name="M:A.B(System.String)">
                <summary>Opens   a <see cref="T:System.IO.FileStream" /> for
                  <paramref name="path" />.</summary>
                <param name="path">The &lt;path&gt;.</param>
                <returns><see langword="null" /> or a value.</returns>
              </member>
              <member name="T:Empty" />
              <member name="T:C"><summary>Second &amp; last.</summary></member>
            </members></doc>
            """);

        var pieces = new XmlDocumentation([file]).Pieces();

        Assert.That(pieces, Is.EqualTo(new[] { "Opens a FileStream for path. The <path>. null or a value.\n", "Second & last.\n" }));
    }

    [TestCase("M:System.IO.File.Open(System.String,System.IO.FileMode)", "Open")]
    [TestCase("T:System.Collections.Generic.List`1", "List")]
    [TestCase("T:Plain", "Plain")]
    public void A_reference_reads_as_the_last_part_of_its_name(string reference, string expected)
    {
        var file = Write("a.xml", $"<doc><member name='x'><summary><see cref='{reference}'/></summary></member></doc>");

        Assert.That(new XmlDocumentation([file]).Pieces().Single(), Is.EqualTo(expected + "\n"));
    }

    [Test]
    public void Broken_documentation_names_the_file()
    {
        var file = Write("bad.xml", "<doc><member>");

        Assert.That(() => new XmlDocumentation([file]).Pieces().ToList(), Throws.InstanceOf<ConfigurationException>().With.Message.Contains(file));
    }

    [Test]
    public void Documentation_files_come_in_ordinal_order_from_the_first_root_that_has_some()
    {
        Write("empty/packs/readme.txt", "");
        var second = Write("sdk/packs/b/1.xml", "<doc/>");
        var first = Write("sdk/packs/a/2.xml", "<doc/>");

        var files = DotnetRoot.DocumentationFiles(["", Path.Combine(_directory, "absent"), Path.Combine(_directory, "empty"), Path.Combine(_directory, "sdk")]);

        Assert.That(files, Is.EqualTo(new[] { first, second }));
    }

    [Test]
    public void No_documentation_anywhere_says_where_it_looked_and_offers_a_file() =>
        Assert.That(
            () => DotnetRoot.DocumentationFiles([_directory]),
            Throws.InstanceOf<ConfigurationException>().With.Message.Contains(_directory).And.Message.Contains("--data"));

    [Test]
    public void The_installed_SDK_has_megabytes_of_text()
    {
        var text = new XmlDocumentation(DotnetRoot.DocumentationFiles(DotnetRoot.Candidates()));

        Assert.That(text.Pieces().Take(10_000).Sum(p => p.Length), Is.GreaterThan(500_000));
    }

    [Test]
    public void A_text_file_is_read_whole_also_where_a_surrogate_pair_straddles_two_pieces()
    {
        var content = new string('x', (16 * 1024) - 1) + "😀 end";

        var pieces = new TextFile(Write("a.txt", content)).Pieces().ToList();

        Assert.Multiple(() =>
        {
            Assert.That(string.Concat(pieces), Is.EqualTo(content));
            Assert.That(pieces, Has.None.Matches<string>(p => char.IsHighSurrogate(p[^1])));
        });
    }

    [Test]
    public void A_missing_text_file_is_named() =>
        Assert.That(() => new TextFile("/nowhere/text"), Throws.InstanceOf<ConfigurationException>().With.Message.Contains("/nowhere/text"));

    [Test]
    public void An_empty_text_file_is_refused() =>
        Assert.That(() => new TextFile(Write("a.txt", "")), Throws.InstanceOf<ConfigurationException>().With.Message.Contains("empty"));

    private string Write(string name, string content)
    {
        var path = Path.Combine(_directory, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        return path;
    }
}
