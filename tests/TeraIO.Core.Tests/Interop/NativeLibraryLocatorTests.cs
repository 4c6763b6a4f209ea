using TeraIO.Core.Interop;

namespace TeraIO.Core.Tests.Interop;

[TestFixture]
public class NativeLibraryLocatorTests
{
    private DirectoryInfo _directory = null!;

    [SetUp]
    public void CreateDirectory() => _directory = Directory.CreateTempSubdirectory("teraio-locator-tests-");

    [TearDown]
    public void DeleteDirectory() => _directory.Delete(recursive: true);

    [Test]
    public void A_missing_library_names_where_it_was_looked_for_and_the_command_that_builds_it()
    {
        var missing = Assert.Throws<ConfigurationException>(() => NativeLibraryLocator.Load("tio_nothing", [_directory.FullName, "/nowhere"]));

        Assert.That(missing!.Message, Does.Contain(Path.Combine(_directory.FullName, "libtio_nothing.so")).And.Contain("/nowhere/libtio_nothing.so")
            .And.Contain("cmake --preset release && cmake --build --preset release").And.Contain("TERAIO_NATIVE_DIR"));
    }

    [Test]
    public void A_library_that_does_not_load_is_an_error_and_not_passed_over()
    {
        var broken = Path.Combine(_directory.FullName, "libtio_gds_shim.so");
        File.WriteAllText(broken, "not an ELF file");

        var refused = Assert.Throws<ConfigurationException>(() => NativeLibraryLocator.Load("tio_gds_shim", [_directory.FullName, "/nowhere"]));

        Assert.That(refused!.Path, Is.EqualTo(broken));
    }

    [Test]
    public void A_library_is_loaded_once()
    {
        nint first = NativeLibraryLocator.Resolve("tio_gds_shim");

        nint second = NativeLibraryLocator.Resolve("tio_gds_shim");

        Assert.That(second, Is.EqualTo(first).And.Not.Zero);
    }
}
