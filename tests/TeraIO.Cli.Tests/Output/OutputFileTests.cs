using TeraIO.Cli.Output;

namespace TeraIO.Cli.Tests.Output;

public sealed class OutputFileTests : CliFixture
{
    [Test]
    public void A_failed_write_leaves_the_old_file_and_nothing_else()
    {
        File.WriteAllText(Path("out"), "old");
        OutputFile file = OutputFile.At(Path("out"), overwrites: true);
        Assert.That(
            () => file.Write((Stream stream) =>
            {
                stream.WriteByte(1);
                throw new IOException("disk full");
            }),
            Throws.InstanceOf<IOException>());
        Assert.That(File.ReadAllText(Path("out")), Is.EqualTo("old"));
        Assert.That(Directory.GetFiles(Folder), Has.Length.EqualTo(2));
    }

    [Test]
    public void A_file_that_came_into_being_meanwhile_is_not_overwritten()
    {
        OutputFile file = OutputFile.At(Path("out"), overwrites: false);
        Assert.That(() => file.Write((Stream _) => File.WriteAllText(Path("out"), "theirs")), Throws.InstanceOf<InputException>());
        Assert.That(File.ReadAllText(Path("out")), Is.EqualTo("theirs"));
    }

    [Test]
    public void A_directory_is_no_file() => Assert.That(() => OutputFile.At(Folder, true), Throws.InstanceOf<InputException>().With.Message.Contains("directory"));
}
