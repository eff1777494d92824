package mailsync
import ("testing";"testing/synctest";"fmt";"os";"strconv")
func TestYY(t *testing.T){
	n,_:=strconv.Atoi(os.Getenv("SEED"))
	synctest.Test(t,func(*testing.T){ w:=newWorld(uint64(n),sound); v:=w.history(); fmt.Println(w); for _,x:=range v{fmt.Println(x)} })
}
