using TeraIO.Core.Tracing;

namespace TeraIO.Planner.Synthesis;

/// <summary>
/// One parameter on this rank and how autograd adds up its gradient: contributions of one micro batch first into a buffer (the second one into a new
/// tensor, later ones in place), and the whole then into the gradient that lives until the update.
/// </summary>
internal sealed class Weight
{
    private sealed class Pending
    {
        public int Uses { get; set; }
        public int Contributions { get; set; }
        public int Tensor { get; set; } = None;
    }

    private const int None = -1;

    private readonly IterationRecorder _recorder;
    private readonly Dictionary<int, Pending> _pending = [];

    public Weight(IterationRecorder recorder, ParameterSpec spec, long elements)
    {
        _recorder = recorder;
        Spec = spec;
        Elements = elements;
        Parameter = recorder.Persistent(elements, recorder.Options.ElementBytes, TensorKind.Parameter, spec.Name);
    }

    public ParameterSpec Spec { get; }

    /// <summary>Numbers of it on this rank.</summary>
    public long Elements { get; }

    /// <summary>The parameter's tensor.</summary>
    public int Parameter { get; }

    /// <summary>Its gradient after backward; -1 before.</summary>
    public int Gradient { get; private set; } = None;

    /// <summary>Matrices decay, vectors do not.</summary>
    public bool Decays => Spec.Rows > 1;

    /// <summary>Forward uses it once more: backward will bring one more contribution. Returns the tensor to read.</summary>
    public int Use()
    {
        if (!_recorder.IsTaping) return Parameter;
        if (!_pending.TryGetValue(_recorder.MicroBatch, out Pending? pending)) _pending.Add(_recorder.MicroBatch, pending = new Pending());
        pending.Uses++;
        return Parameter;
    }

    /// <summary>A tensor for a part of the gradient, to be created by the next op and then given to <see cref="Accumulate"/>.</summary>
    public int Contribution()
    {
        bool isWhole = Gradient == None && _pending[_recorder.MicroBatch].Uses == 1;
        return NewGradient(isWhole);
    }

    /// <summary>Adds a contribution that an op has created.</summary>
    public void Accumulate(int contribution)
    {
        Pending pending = _pending[_recorder.MicroBatch];
        pending.Contributions++;
        if (pending.Contributions == 1)
        {
            pending.Tensor = contribution;
        }
        else if (pending.Contributions == 2)
        {
            int sum = NewGradient(isWhole: Gradient == None);
            _recorder.Op("aten::add.Tensor").Reads(pending.Tensor, contribution).Creates(sum);
            pending.Tensor = sum;
        }
        else
        {
            _recorder.Op("aten::add_.Tensor").Updates(pending.Tensor).Reads(contribution);
        }

        if (pending.Contributions < pending.Uses) return;
        _pending.Remove(_recorder.MicroBatch);
        if (Gradient == None) Gradient = pending.Tensor;
        else _recorder.Op("aten::add_.Tensor").Updates(Gradient).Reads(pending.Tensor);
    }

    private int NewGradient(bool isWhole) => _recorder.Transient(
        Elements, _recorder.Options.ElementBytes, $"{Spec.Name}.grad", isWhole ? TensorKind.Gradient : TensorKind.Temporary);
}
