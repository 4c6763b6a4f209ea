using TeraIO.Core;
using TeraIO.Planner.Synthesis;

namespace TeraIO.Planner.Tests.Synthesis;

public sealed class ModelCatalogTests
{
    /// <summary>Counts of the published checkpoints (Hugging Face's safetensors totals); Granite's is given as 8.05 B.</summary>
    [TestCase("gpt2-small", 124_439_808L)]
    [TestCase("gpt2-medium", 354_823_168L)]
    [TestCase("gpt2-large", 774_030_080L)]
    [TestCase("gpt2-xl", 1_557_611_200L)]
    [TestCase("llama3-8b", 8_030_261_248L)]
    [TestCase("llama3-70b", 70_553_706_496L)]
    [TestCase("mixtral-8x7b", 46_702_792_704L)]
    [TestCase("t5-11b", 11_307_321_344L)]
    [TestCase("30m", 29_545_472L)]
    public void A_model_has_as_many_parameters_as_published(string name, long parameters) =>
        Assert.That(ModelCatalog.Named(name).Parameters, Is.EqualTo(parameters));

    [TestCase("granite-8b", 8.05e9)]
    [TestCase("gpt2-40b", 39.1e9)]
    public void A_model_has_about_as_many_parameters_as_its_name_says(string name, double parameters) =>
        Assert.That((double)ModelCatalog.Named(name).Parameters, Is.EqualTo(parameters).Within(0.5).Percent);

    [Test]
    public void An_unknown_name_is_answered_with_all_names()
    {
        var model = Assert.Throws<ConfigurationException>(static () => ModelCatalog.Named("gpt5"));
        Assert.That(model.Message, Does.Contain("gpt5").And.Contain("llama3-70b").And.Contain("t5-11b"));
        var device = Assert.Throws<ConfigurationException>(static () => DeviceCatalog.Named("b200"));
        Assert.That(device.Message, Does.Contain("b200").And.Contain("h100-nvl-94g"));
    }

    [Test]
    public void Letter_case_of_a_name_does_not_matter() => Assert.That(ModelCatalog.Named("GPT2-XL").Name, Is.EqualTo("gpt2-xl"));

    [Test]
    public void Every_model_and_device_is_valid()
    {
        Assert.Multiple(static () =>
        {
            foreach (ModelShape model in ModelCatalog.All) Assert.That(model.Validated, Throws.Nothing);
            foreach (DeviceRoofline device in DeviceCatalog.All) Assert.That(device.Validated, Throws.Nothing);
        });
    }
}
