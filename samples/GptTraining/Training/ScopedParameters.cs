using System.Collections;
using TorchSharp;
using TorchSharp.Modules;

namespace TeraIO.Samples.GptTraining;

/// <summary>
/// Parameters for a TorchSharp optimizer, with a dispose scope around each while it is the current one of a foreach.
/// </summary>
/// <remarks>
/// TorchSharp's optimizers keep the temporaries of all parameters until the end of a step: for Adam twice the size of
/// the model, which nobody reads again. Enumerated through this list they are freed one parameter at a time.
/// </remarks>
internal sealed class ScopedParameters(IReadOnlyList<Parameter> parameters) : IEnumerable<Parameter>
{
    public IEnumerator<Parameter> GetEnumerator()
    {
        foreach (var parameter in parameters)
        {
            using var scope = torch.NewDisposeScope();
            yield return parameter;
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
