using TeraIO.Core;
using TeraIO.Torch.Runtime;

namespace TeraIO.Torch.Tests.Runtime;

public class NativeLibrarySearchTests
{
    private string _directory = "";

    [SetUp]
    public void CreateDirectory() => _directory = Directory.CreateTempSubdirectory("teraio-test-").FullName;

    [TearDown]
    public void DeleteDirectory() => Directory.Delete(_directory, recursive: true);

    [Test]
    public void The_option_wins_over_everything()
    {
        var search = Search(environment: WithLibTorch("env"), application: WithLibTorch("app"), recorded: WithLibTorch("nuget"));

        Assert.That(search.FindLibTorch(WithLibTorch("option")), Is.EqualTo((InDirectory("option"), LibTorchSource.Option)));
    }

    [Test]
    public void The_environment_wins_over_the_application_directory()
    {
        var search = Search(environment: WithLibTorch("env"), application: WithLibTorch("app"), recorded: WithLibTorch("nuget"));

        Assert.That(search.FindLibTorch(null), Is.EqualTo((InDirectory("env"), LibTorchSource.EnvironmentVariable)));
    }

    [TestCase("")]
    [TestCase("runtimes/linux-x64/native")]
    public void The_application_directory_wins_over_the_nuget_package(string subdirectory)
    {
        var holder = WithLibTorch(Path.Combine("app", subdirectory));
        var search = Search(environment: null, application: InDirectory("app"), recorded: WithLibTorch("nuget"));

        Assert.That(search.FindLibTorch(null), Is.EqualTo((holder, LibTorchSource.ApplicationDirectory)));
    }

    [Test]
    public void The_nuget_package_is_the_last_resort()
    {
        var search = Search(environment: "", application: InDirectory("app"), recorded: WithLibTorch("nuget"));

        Assert.That(search.FindLibTorch(null), Is.EqualTo((InDirectory("nuget"), LibTorchSource.NuGetPackage)));
    }

    [Test]
    public void A_pytorch_folder_is_accepted_in_place_of_its_lib()
    {
        WithLibTorch("torch/lib");
        var search = Search(environment: InDirectory("torch"), application: InDirectory("app"), recorded: null);

        Assert.That(search.FindLibTorch(null).Directory, Is.EqualTo(InDirectory("torch/lib")));
    }

    [Test]
    public void A_wrong_environment_variable_is_an_error_and_not_skipped()
    {
        var search = Search(environment: InDirectory("nothing"), application: InDirectory("app"), recorded: WithLibTorch("nuget"));

        Assert.That(
            () => search.FindLibTorch(null),
            Throws.InstanceOf<ConfigurationException>().With.Message.Contains("TERAIO_LIBTORCH").And.Message.Contains(InDirectory("nothing")));
    }

    [Test]
    public void A_missing_libtorch_names_every_place_and_the_ways_out()
    {
        var search = Search(environment: null, application: InDirectory("app"), recorded: InDirectory("nuget"));

        Assert.That(
            () => search.FindLibTorch(null),
            Throws.InstanceOf<ConfigurationException>().With.Message.Contains(InDirectory("app"))
                .And.Message.Contains(InDirectory("nuget")).And.Message.Contains("TERAIO_LIBTORCH").And.Message.Contains("TeraIOCopyLibTorch"));
    }

    [Test]
    public void A_missing_TorchSharp_library_names_the_package()
    {
        var search = Search(environment: null, application: InDirectory("app"), recorded: null);

        Assert.That(
            search.FindLibTorchSharp,
            Throws.InstanceOf<ConfigurationException>().With.Message.Contains("libLibTorchSharp.so").And.Message.Contains("TorchSharp"));
    }

    private string InDirectory(string name) => Path.Combine(_directory, name);

    private string WithLibTorch(string name)
    {
        var path = Path.GetFullPath(InDirectory(name)).TrimEnd('/');
        Directory.CreateDirectory(path);
        File.WriteAllText(Path.Combine(path, NativeLibrarySearch.LibTorchCpu), "");
        return path;
    }

    private static NativeLibrarySearch Search(string? environment, string application, string? recorded) => new()
    {
        EnvironmentValue = environment,
        ApplicationDirectory = application,
        RecordedLibTorchDirectory = recorded,
        RecordedLibTorchSharpDirectory = null,
        HostProbingDirectories = null,
    };
}
