using System.Runtime.Versioning;
using TeraIO.Core;
using TeraIO.Torch.Runtime;

namespace TeraIO.Torch.Tests.Runtime;

[SupportedOSPlatform("linux")]
public class RelaxedLibraryTests
{
    private const string Version = "GLIBCXX_3.4.32";
    private string _directory = "";

    private string Source => Path.Combine(_directory, "libExample.so");

    private string Cache => Path.Combine(_directory, "cache");

    [SetUp]
    public void CreateSource()
    {
        _directory = Directory.CreateTempSubdirectory("teraio-test-").FullName;
        File.WriteAllBytes(Source, new ElfImage().Needing("libstdc++.so.6", "GLIBCXX_3.4.30", Version).Build());
    }

    [TearDown]
    public void DeleteDirectory() => Directory.Delete(_directory, recursive: true);

    [Test]
    public void TorchSharps_own_library_changes_in_exactly_one_flag()
    {
        var original = File.ReadAllBytes(new NativeLibrarySearch().FindLibTorchSharp());

        var relaxed = RelaxedLibrary.Relax(original, Version);

        var need = ElfVersionNeeds.Read(original).Single(n => n.Version == Version);
        var changed = Enumerable.Range(0, original.Length).Where(i => original[i] != relaxed[i]).ToArray();
        Assert.Multiple(() =>
        {
            Assert.That(relaxed, Has.Length.EqualTo(original.Length));
            Assert.That(changed, Is.EqualTo(new[] { need.FlagsOffset }));
            Assert.That(relaxed[need.FlagsOffset], Is.EqualTo(ElfVersionNeeds.WeakFlag));
        });
    }

    [Test]
    public void The_source_stays_untouched()
    {
        var before = File.ReadAllBytes(Source);

        RelaxedLibrary.Prepare(Source, Version, Cache);

        Assert.That(File.ReadAllBytes(Source), Is.EqualTo(before));
    }

    [Test]
    public void A_second_preparation_reuses_the_cached_file()
    {
        var first = RelaxedLibrary.Prepare(Source, Version, Cache);
        var written = File.GetLastWriteTimeUtc(first.Path);

        var second = RelaxedLibrary.Prepare(Source, Version, Cache);

        Assert.Multiple(() =>
        {
            Assert.That(second, Is.EqualTo(first));
            Assert.That(File.GetLastWriteTimeUtc(second.Path), Is.EqualTo(written));
        });
    }

    [Test]
    public void A_damaged_cached_file_is_replaced()
    {
        var copy = RelaxedLibrary.Prepare(Source, Version, Cache);
        var right = File.ReadAllBytes(copy.Path);
        File.WriteAllBytes(copy.Path, right[..^1]);

        RelaxedLibrary.Prepare(Source, Version, Cache);

        Assert.That(File.ReadAllBytes(copy.Path), Is.EqualTo(right));
    }

    [Test]
    public void No_temporary_name_is_left_in_the_cache()
    {
        var copy = RelaxedLibrary.Prepare(Source, Version, Cache);

        Assert.That(Directory.GetFiles(Cache, "*", SearchOption.AllDirectories), Is.EqualTo(new[] { copy.Path }));
    }

    [Test]
    public void The_copy_is_readable_by_its_owner_only()
    {
        var copy = RelaxedLibrary.Prepare(Source, Version, Cache);

        Assert.That(File.GetUnixFileMode(copy.Path), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
    }

    [Test]
    public void A_cache_that_cannot_be_written_gives_way_to_a_temporary_copy_that_deletes_itself()
    {
        // A file where the directory should be: fails for every user, root included.
        File.WriteAllText(Cache, "in the way");

        var copy = RelaxedLibrary.Prepare(Source, Version, Cache);
        var relaxed = File.ReadAllBytes(copy.Path);
        copy.DeleteIfTemporary();

        Assert.Multiple(() =>
        {
            Assert.That(copy.IsTemporary, Is.True);
            Assert.That(ElfVersionNeeds.Read(relaxed).Single(n => n.Version == Version).IsWeak, Is.True);
            Assert.That(Directory.Exists(Path.GetDirectoryName(copy.Path)), Is.False);
        });
    }

    [Test]
    public void A_damaged_source_is_named_with_what_to_do()
    {
        File.WriteAllBytes(Source, [1, 2, 3]);

        Assert.That(
            () => RelaxedLibrary.Prepare(Source, Version, Cache),
            Throws.InstanceOf<ConfigurationException>().With.Message.Contains(Source).And.Message.Contains("dotnet restore"));
    }
}
