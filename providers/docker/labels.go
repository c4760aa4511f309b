package docker

import (
	"maps"
	"strings"
)

// The labels that say what is whose. They are set by the very call that creates an object, so that no crash can leave
// one that nobody owns, and they name the node, never the part it plays.
const (
	labelCluster  = "io.pgrepl.cluster"  // the cluster's name
	labelObject   = "io.pgrepl.object"   // kind/real name: node/db-replica
	labelNode     = "io.pgrepl.node"     // of a volume: the node whose data it holds
	labelHelper   = "io.pgrepl.helper"   // of a container for a while: a volume without one is read and written through it, or several volumes are filled in it
	labelBeside   = "io.pgrepl.beside"   // of such a container that an apply makes, under its lock
	labelLock     = "io.pgrepl.lock"     // the container that is the lock
	labelRemoving = "io.pgrepl.removing" // of an empty volume that says: the one named here goes, too, its container went first
	labelGoing    = "io.pgrepl.going"    // of an empty volume that says: a destroy removes the object named here, which has no labels
	labelData     = "io.pgrepl.data"     // of a container: its data directory within the volume, where that is not pgdata
	labelSecrets  = "io.pgrepl.secrets"  // of a volume: the app whose secrets it holds
	labelKeeper   = "io.pgrepl.keeper"   // of a volume: the app whose image asks for it, and who keeps its data there
	labelImage    = "io.pgrepl.image"    // of an image: CLUSTER/APP that it was built for; containers inherit it, so it says nothing of them
	labelUses     = "io.pgrepl.uses"     // of an app's container: what it was given URLs to
	labelRecipe   = "io.pgrepl.recipe"   // revision of the container's start script, for information only
)

// recipe is the revision of how a node container is made. A difference replaces no container: the next needed
// replacement renews it.
const recipe = "2"

func ownLabels(cluster, kind, name string, more map[string]string) map[string]string {
	labels := maps.Clone(more)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[labelCluster] = cluster
	labels[labelObject] = kind + "/" + name
	return labels
}

// userLabels drops what pgrepl and the image set, so that only the author's are compared.
func userLabels(labels, image map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range labels {
		if iv, fromImage := image[k]; strings.HasPrefix(k, "io.pgrepl.") || (fromImage && iv == v) {
			continue
		}
		out[k] = v
	}
	return out
}
